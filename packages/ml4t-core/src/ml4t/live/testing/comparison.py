"""Compares what a program believes with what is true, once everything has come to rest.

Each finding begins with the name of the invariant that was broken:

* ``I2``: an execution is missing, or was counted twice;
* ``I3``: a position or the cash differs;
* ``I9``: an execution or a position that never was.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from ml4t.core.fills import Fill
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.true_orders import Owner

__all__ = ["compare"]

_CENT = 0.005
_UNIT = 1e-6
_GAP = "gap:"


def compare(
    venue: FaultyVenue,
    positions: Mapping[str, float],
    cash: float,
    fills: Iterable[Fill],
    *,
    ignore: Collection[str] = (),
) -> list[str]:
    """Everything that a program believes and that is not so.

    An execution whose id begins with ``gap:`` stands for one that the program only knows from the
    order's total; the executions of such an order are compared by their sums.

    Args:
        venue: the truth.
        positions: signed units by symbol.
        cash: money not invested.
        fills: every execution that the program has booked and that stands.
        ignore: the assets whose positions may differ.
    """
    believed = list(fills)
    return [
        *_position_findings(venue, positions, ignore),
        *_cash_findings(venue, cash),
        *_fill_findings(venue, believed),
    ]


def _position_findings(
    venue: FaultyVenue, positions: Mapping[str, float], ignore: Collection[str]
) -> list[str]:
    findings: list[str] = []
    held = venue.account_truth.held
    for asset in sorted({*held, *positions} - set(ignore)):
        ours, theirs = positions.get(asset, 0.0), held.get(asset, 0.0)
        if abs(ours - theirs) > _UNIT:
            name = "I3" if theirs else "I9"
            findings.append(f"{name}: position in {asset} is {theirs:g}, believed {ours:g}")
    return findings


def _cash_findings(venue: FaultyVenue, cash: float) -> list[str]:
    true = venue.account_truth.cash
    return [] if abs(cash - true) < _CENT else [f"I3: cash is {true:.2f}, believed {cash:.2f}"]


def _fill_findings(venue: FaultyVenue, believed: list[Fill]) -> list[str]:
    true = venue.account_truth.fills
    findings = [
        f"I2: execution {name} was booked {count} times"
        for name, count in Counter(fill.id for fill in believed).items()
        if count > 1
    ]
    summed = {fill.order_id for fill in believed if fill.id.startswith(_GAP)}
    booked = {fill.id for fill in believed}
    findings += [
        f"I9: execution {fill.id} of order {fill.order_id} never was"
        for fill in believed
        if fill.order_id not in summed and fill.id not in true
    ]
    findings += [
        f"I2: execution {fill.id} of order {fill.order_id} is missing"
        for fill in true.values()
        if fill.order_id not in summed and fill.id not in booked and _is_own(venue, fill)
    ]
    for order_id in sorted(summed):
        findings.extend(_sum_findings(order_id, believed, true.values()))
    return findings


def _is_own(venue: FaultyVenue, fill: Fill) -> bool:
    return any(order.owner is Owner.ENGINE for order in venue.desk.named(fill.order_id))


def _sum_findings(order_id: str, believed: Iterable[Fill], true: Iterable[Fill]) -> list[str]:
    ours = _sums(order_id, believed)
    theirs = _sums(order_id, true)
    if abs(ours[0] - theirs[0]) <= _UNIT and abs(ours[1] - theirs[1]) < _CENT:
        return []
    return [
        f"I2: order {order_id} filled {theirs[0]:g} for {theirs[1]:.2f}, believed {ours[0]:g} "
        f"for {ours[1]:.2f}"
    ]


def _sums(order_id: str, fills: Iterable[Fill]) -> tuple[float, float]:
    own = [fill for fill in fills if fill.order_id == order_id]
    return (
        sum(fill.signed_quantity for fill in own),
        sum(fill.signed_quantity * fill.price for fill in own),
    )
