"""``ml4t replay``: a recorded run gone through again, and compared with a simulation."""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ml4t.core.errors import ConfigError
from ml4t.core.strategy_file import load_strategy, strategy_hash
from ml4t.live.config_file import read_live_file
from ml4t.live.live_cli.options import say
from ml4t.live.recording import (
    DecisionCheck,
    Execution,
    OrderShortfall,
    Recording,
    ShortfallReport,
    check_decisions,
    compare_fills,
    simulate,
)

__all__ = ["EXAMPLE", "TEXT", "add_replay", "replay"]

TEXT = """Go through a run that `ml4t live run --record` recorded.

First the strategy is called again as it was then, with a broker that gives the recorded answers. If
it asks for anything else the first difference is told: it was changed, or it depends on something
that is not recorded, such as the time of day or chance.

Then the recorded orders are traded in a simulated market over the recorded bars, and each is
compared with what really became of it. The difference in money is the implementation shortfall:
positive means that reality was worse. What filled in one world alone counts at the last close.

Exit status: 0 all decisions were the same, 1 one was not or something failed, 2 wrong usage."""
EXAMPLE = "ml4t replay run.rec momentum.py --json comparison.json"

_HEAD = ("order", "asset", "side", "real", "simulated", "later", "price", "fees", "missed", "bp")


def add_replay(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t replay``."""
    parser.add_argument("recording", metavar="RECORDING", type=Path, help="of `ml4t live run`")
    parser.add_argument(
        "strategy",
        metavar="STRATEGY",
        help="FILE.py, FILE.py:Class or module:Class; made without arguments. It is code: read it",
    )
    parser.add_argument(
        "--config",
        metavar="FILE.toml",
        type=Path,
        help="compare with the market of its table [shadow], instead of the recorded one",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything there too")


def replay(args: argparse.Namespace) -> int:
    """Check the decisions of a recording and compare its orders; gives the exit status.

    Raises:
        Ml4tError: the recording, the strategy or the configuration cannot be used.
    """
    recording = Recording(args.recording)
    try:
        if not recording.is_complete:
            say("the recording was cut off: what it holds is compared")
        if strategy_hash(args.strategy) != recording.facts["strategy_hash"]:
            say("the file of the strategy is not the recorded one")
        check = check_decisions(recording, load_strategy(args.strategy))
        say(_decisions(check))
        market = None if args.config is None else read_live_file(args.config).shadow
        multipliers = {asset.symbol: asset.multiplier for asset in recording.assets.values()}
        report = compare_fills(simulate(recording, market), recording.fills(), multipliers)
        for line in _table(report):
            say(line)
        if args.json is not None:
            _write(args.json, recording, check, report)
    finally:
        recording.close()
    return 0 if check.is_same else 1


def _decisions(check: DecisionCheck) -> str:
    if check.difference is not None:
        difference = check.difference
        return (
            f"decisions: DIFFERENT in {difference.place}\n"
            f"  recorded: {difference.expected}\n"
            f"  now:      {difference.found}"
        )
    return f"decisions: the same, {check.calls} calls in {check.callbacks} callbacks"


def _table(report: ShortfallReport) -> Iterable[str]:
    """The comparison for people, one line for each order that filled anywhere."""
    filled = [order for order in report.orders if order.real.quantity or order.simulated.quantity]
    rows = [_HEAD, *(_row(order) for order in filled)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows if filled else ():
        cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells)
    points = "-" if report.basis_points is None else f"{report.basis_points:.2f}"
    yield (
        f"implementation shortfall: {report.total:.2f}, {points} basis points of "
        f"{report.notional:.2f}; positive is worse than simulated"
    )
    yield (
        f"  price {report.price_cost:.2f}, fees {report.fee_cost:.2f}, "
        f"missed {report.opportunity_cost:.2f}"
    )
    yield f"  {len(report.differences)} of {len(report.orders)} orders differ"
    if report.unknown_fills:
        yield f"  {report.unknown_fills} fills belong to no order of the strategy"
    if not report.has_account:
        yield "  the run began with positions: what the account can pay for was not simulated"


def _row(order: OrderShortfall) -> tuple[str, ...]:
    later, points = order.seconds, order.basis_points
    return (
        order.order_id[-8:],
        order.asset,
        order.side.value,
        _filled(order.real),
        _filled(order.simulated),
        "-" if later is None else f"{later:g}s",
        f"{order.price_cost:.2f}",
        f"{order.fee_cost:.2f}",
        f"{order.opportunity_cost:.2f}",
        "-" if points is None else f"{points:.2f}",
    )


def _filled(execution: Execution) -> str:
    if execution.price is None:
        return "-"
    return f"{execution.quantity:g} @ {execution.price:.6g}"


def _write(path: Path, recording: Recording, check: DecisionCheck, report: ShortfallReport) -> None:
    difference = check.difference
    content = {
        "recording": str(recording.path),
        "complete": recording.is_complete,
        "decisions": {
            "same": check.is_same,
            "callbacks": check.callbacks,
            "calls": check.calls,
            "difference": None
            if difference is None
            else {
                "place": difference.place,
                "expected": difference.expected,
                "found": difference.found,
            },
        },
        "shortfall": {
            "sign": "positive: reality was worse than the simulation",
            **_sums(report),
            "notional": report.notional,
            "unknown_fills": report.unknown_fills,
            "has_account": report.has_account,
            "orders": [_plain(order) for order in report.orders],
        },
    }
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise ConfigError(msg) from error


def _sums(what: OrderShortfall | ShortfallReport) -> Mapping[str, object]:
    return {
        "total": what.total,
        "basis_points": what.basis_points,
        "price": what.price_cost,
        "fees": what.fee_cost,
        "missed": what.opportunity_cost,
    }


def _plain(order: OrderShortfall) -> Mapping[str, object]:
    return {
        "order_id": order.order_id,
        "asset": order.asset,
        "side": order.side.value,
        "real": _plain_execution(order.real),
        "simulated": _plain_execution(order.simulated),
        "seconds": order.seconds,
        "notional": order.notional,
        **_sums(order),
    }


def _plain_execution(execution: Execution) -> Mapping[str, object]:
    when = execution.timestamp
    return {
        "quantity": execution.quantity,
        "price": execution.price,
        "fees": execution.fees,
        "timestamp": None if when is None else when.isoformat(),
    }
