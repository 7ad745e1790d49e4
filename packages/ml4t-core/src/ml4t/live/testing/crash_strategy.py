"""A strategy that is always busy, for programs that are killed while they trade."""

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random

from ml4t.core.broker import BrokerProtocol
from ml4t.core.errors import CallTimeoutError, UnknownOrderError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderType
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.strategy import Strategy

__all__ = ["BusyStrategy"]

_LARGEST = 20
_FAR, _NEAR = 0.97, 0.9995


class BusyStrategy(Strategy):
    """Buys, sells, places limits, changes and cancels them, by chance but never short.

    Args:
        rng: where chance comes from.
        say: told of every answer that the strategy got, and of every execution.
        begun: called when it has been started.

    Attributes:
        is_quiet: whether it sends nothing.
    """

    def __init__(
        self,
        rng: Random,
        say: Callable[[dict[str, object]], None],
        begun: Callable[[], object],
    ) -> None:
        self.is_quiet = False
        self._rng = rng
        self._say = say
        self._begun = begun

    def on_start(self, broker: BrokerProtocol) -> None:  # noqa: ARG002 - the account is compared
        """Say that orders may be sent."""
        self._begun()

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:  # noqa: ARG002 - only told
        """Say which execution is known."""
        self._say({"fill": fill.id})

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002 - chance decides
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002 - none is needed
        broker: BrokerProtocol,
    ) -> None:
        """Do something with each asset."""
        for asset in data:
            if not self.is_quiet:
                self._act(asset, data[asset]["close"], broker)

    def _act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        working = [order for order in broker.pending_orders if order.asset == asset]
        position = broker.get_position(asset)
        held = position.quantity if position is not None else 0.0
        quantity = self._rng.randint(1, _LARGEST)
        dice = self._rng.random()
        try:
            if dice < 0.2:  # noqa: PLR2004 - shares of chance
                self._tell(broker.submit_order(asset, quantity))
            elif dice < 0.35 and held > 0:  # noqa: PLR2004
                self._tell(broker.submit_order(asset, -min(quantity, held)))
            elif dice < 0.6:  # noqa: PLR2004
                self._place_limit(asset, price, quantity, broker)
            elif dice < 0.65 and held > 0:  # noqa: PLR2004
                self._close(asset, broker)
            elif dice < 0.8 and working:  # noqa: PLR2004
                self._cancel(self._rng.choice(working).id, broker)
            elif working:
                self._change(self._rng.choice(working), broker)
        except CallTimeoutError as error:
            self._say({"withdrawn": str(error)})

    def _place_limit(
        self, asset: str, price: float, quantity: float, broker: BrokerProtocol
    ) -> None:
        limit = round(price * self._rng.uniform(_FAR, _NEAR), 2)
        self._tell(
            broker.submit_order(asset, quantity, order_type=OrderType.LIMIT, limit_price=limit)
        )

    def _close(self, asset: str, broker: BrokerProtocol) -> None:
        order = broker.close_position(asset)
        if order is not None:
            self._tell(order)

    def _cancel(self, order_id: str, broker: BrokerProtocol) -> None:
        try:
            was_open = broker.cancel_order(order_id)
        except UnknownOrderError:
            return
        if was_open:
            self._say({"cancelled": order_id})

    def _change(self, order: Order, broker: BrokerProtocol) -> None:
        if order.limit_price is None or order.filled_quantity:
            return
        limit = round(order.limit_price * 1.001, 2)
        changed = broker.replace_order(order.id, limit_price=limit)
        if changed.limit_price == limit:
            self._say({"replaced": order.id})

    def _tell(self, order: Order) -> None:
        if not order.id.startswith("refused"):
            self._say({"order": order.id, "status": order.status.name})
