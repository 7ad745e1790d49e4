"""What a strategy sees of a live venue: ``BrokerProtocol``, called from the strategy's thread."""

from collections.abc import Mapping, Sequence

from ml4t.core.assets import Asset
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import UnknownAssetError
from ml4t.core.order_entry import OrderEntry
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import Position
from ml4t.live.account import LiveAccount
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.strategy_thread import StrategyThread

__all__ = ["StrategyBroker"]


class StrategyBroker(OrderEntry):
    """A broker whose calls may come from the strategy's methods only.

    Reading is answered from what is known now. Sending waits until the venue has answered or its
    time is up. Two things can go wrong, and they are kept apart: a call that was withdrawn before
    anything was sent raises ``CallTimeoutError``, and an order that was sent without an answer
    comes back ``UNKNOWN``.

    Args:
        safe: the way to the venue.
        account: what is known.
        thread: the bridge to the event loop.
        assets: the terms of what can be traded, by symbol.
        patience: seconds that the event loop may take to begin a call.

    Attributes:
        bars: the bars the strategy saw last; None before the first.
    """

    def __init__(
        self,
        safe: SafeBroker,
        account: LiveAccount,
        thread: StrategyThread,
        assets: Mapping[str, Asset],
        patience: float,
    ) -> None:
        self.bars: MarketSlice | None = None
        self._safe = safe
        self._account = account
        self._thread = thread
        self._assets = assets
        self._patience = patience

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""
        return self._safe.capabilities

    @property
    def positions(self) -> Mapping[str, Position]:
        """The open positions by symbol, as they are now."""
        with self._account.lock:
            ledger = self._account.book.ledger
            return dict(ledger.positions) if ledger is not None else {}

    @property
    def pending_orders(self) -> Sequence[Order]:
        """The orders of this account that may still fill, in the order of sending."""
        with self._account.lock:
            return tuple(self._account.book.open.values())

    def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument.

        Raises:
            UnknownAssetError: it is not among the assets of this run.
        """
        try:
            return self._assets[asset]
        except KeyError:
            msg = f"{asset!r} is not among the assets of this run"
            raise UnknownAssetError(msg) from None

    def get_position(self, asset: str) -> Position | None:
        """The open position in ``asset``; None when flat."""
        return self.positions.get(asset)

    def get_cash(self) -> float:
        """Money not invested; negative when borrowed."""
        with self._account.lock:
            ledger = self._account.book.ledger
            return ledger.cash if ledger is not None else 0.0

    def get_account_value(self) -> float:
        """Cash and the market value of all positions at their last known closes."""
        with self._account.lock:
            value, positions = self.get_cash(), self.positions
        bars = self.bars
        for asset, position in positions.items():
            mark = bars.mark(asset) if bars is not None else None
            value += position.market_value(position.average_price if mark is None else mark)
        return value

    def enter(self, request: OrderRequest) -> Order:
        """Send an order; raises CallTimeoutError if it was withdrawn before anything was sent."""
        return self._thread.call(lambda: self._safe.submit(request), self._patience)

    def enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Send an order and those that it wakes; raises as :meth:`enter` does."""
        return self._thread.call(lambda: self._safe.submit_family(parent, children), self._patience)

    def enter_alternatives(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Send orders of which only one may fill; raises as :meth:`enter` does."""
        return self._thread.call(lambda: self._safe.submit_alternatives(requests), self._patience)

    def cancel_order(self, order_id: str) -> bool:
        """Ask for an order to be cancelled; False if it had ended before.

        Raises:
            UnknownOrderError: no order has that id.
            CallTimeoutError: the request was withdrawn in time, nothing was sent.
        """
        return self._thread.call(lambda: self._safe.cancel(order_id), self._patience)

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """Ask for a working order to be changed; see ``BrokerProtocol``.

        Raises:
            UnknownOrderError: no order has that id.
            InvalidOrderError: the result would make no order, or less than what has filled.
            CallTimeoutError: the request was withdrawn in time, nothing was sent.
        """
        return self._thread.call(
            lambda: self._safe.replace(
                order_id, quantity=quantity, limit_price=limit_price, stop_price=stop_price
            ),
            self._patience,
        )

    def close_position(self, asset: str) -> Order | None:
        """Send the market order that leaves ``asset`` flat; None if nothing is left to close.

        Raises:
            CallTimeoutError: it was withdrawn in time, nothing was sent.
        """
        return self._thread.call(lambda: self._safe.close_position(asset), self._patience)
