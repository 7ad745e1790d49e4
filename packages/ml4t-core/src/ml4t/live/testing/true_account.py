"""What the account at a simulated venue holds, kept with arithmetic of its own."""

from collections import deque
from collections.abc import Mapping

import attrs

from ml4t.core.assets import Asset
from ml4t.core.fills import Fill
from ml4t.core.positions import Position
from ml4t.core.venue_events import CashFlow

__all__ = ["Holdings", "TrueAccount"]

_REMEMBERED = 600.0
_DUST = 1e-9


@attrs.frozen(kw_only=True)
class Holdings:
    """An account from one moment to the next change.

    Attributes:
        moment: since when, in the agenda's seconds.
        cash: money not invested.
        positions: what is held, by symbol.
    """

    moment: float
    cash: float
    positions: Mapping[str, Position]


class TrueAccount:
    """Cash, positions and executions; on purpose not the ledger that it is compared with.

    Attributes:
        cash: money not invested.
        held: signed units by symbol; flat assets may be in it.
        costs: average entry price of what is held, by symbol.
        fills: every execution that stands, by id, with the fee known so far.
        busted: the executions that were taken back.
        flows: money that came or went without a trade.

    Args:
        cash: the money to start with.
        assets: the terms of what can be held.
    """

    def __init__(self, cash: float, assets: Mapping[str, Asset]) -> None:
        self.cash = cash
        self.held: dict[str, float] = {}
        self.costs: dict[str, float] = {}
        self.fills: dict[str, Fill] = {}
        self.busted: dict[str, Fill] = {}
        self.flows: list[CashFlow] = []
        self._assets = assets
        self._past: deque[Holdings] = deque()

    def book(self, fill: Fill) -> None:
        """Count an execution."""
        self.fills[fill.id] = fill
        self._trade(fill.asset, fill.signed_quantity, fill.price)
        self.cash -= fill.fee

    def bust(self, fill_id: str) -> Fill:
        """Take an execution back, its fee too."""
        fill = self.busted[fill_id] = self.fills.pop(fill_id)
        self._trade(fill.asset, -fill.signed_quantity, fill.price)
        self.cash += fill.fee
        return fill

    def set_fee(self, fill_id: str, fee: float) -> None:
        """Charge for an execution that was free so far."""
        fill = self.fills[fill_id]
        self.cash -= fee - fill.fee
        self.fills[fill_id] = attrs.evolve(fill, fee=fee)

    def pay(self, flow: CashFlow) -> None:
        """Let money come, or go where it is negative."""
        self.flows.append(flow)
        self.cash += flow.amount

    def split(self, asset: str, ratio: float) -> None:
        """Make ``ratio`` units of each one."""
        self.held[asset] = self.held.get(asset, 0.0) * ratio
        self.costs[asset] = self.costs.get(asset, 0.0) / ratio

    def positions(self) -> dict[str, Position]:
        """What is held, without flat assets."""
        return {
            asset: Position(asset, quantity, self.costs[asset], self._assets[asset].multiplier)
            for asset, quantity in self.held.items()
            if quantity
        }

    def equity(self, prices: Mapping[str, float]) -> float:
        """Cash and the market value of what is held."""
        return self.cash + sum(
            quantity * prices[asset] * self._assets[asset].multiplier
            for asset, quantity in self.held.items()
        )

    def remember(self, moment: float) -> None:
        """Keep the state, for whoever asks for an earlier one."""
        past = self._past
        past.append(Holdings(moment=moment, cash=self.cash, positions=self.positions()))
        # One that is too old stays, as long as none of the others is old enough to be asked for.
        while len(past) > 1 and past[1].moment < moment - _REMEMBERED:
            past.popleft()

    def as_of(self, moment: float) -> Holdings:
        """The state at an earlier time, or the earliest that is remembered."""
        for holdings in reversed(self._past):
            if holdings.moment <= moment:
                return holdings
        return self._past[0]

    def _trade(self, asset: str, signed: float, price: float) -> None:
        before = self.held.get(asset, 0.0)
        after = before + signed
        if abs(after) <= _DUST * abs(signed):
            after = 0.0
        if before * after <= 0 or not before:
            self.costs[asset] = price if after else 0.0
        elif abs(after) > abs(before):
            paid = before * self.costs[asset] + signed * price
            self.costs[asset] = paid / after
        self.held[asset] = after
        self.cash -= signed * price * self._assets[asset].multiplier
