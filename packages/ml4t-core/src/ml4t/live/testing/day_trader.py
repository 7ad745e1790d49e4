"""A strategy that does by chance all that strategies do, the wrong things too."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from random import Random

import attrs

from ml4t.core.broker import BrokerProtocol
from ml4t.core.errors import Ml4tError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderType, TimeInForce
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.strategy import Strategy
from ml4t.live.secrets import Secret

__all__ = ["DayTrader", "Mood"]

_LARGEST = 25
_FLOOD = 1_000


@attrs.define(kw_only=True)
class Mood:
    """How a :class:`DayTrader` behaves; it may change while the strategy runs.

    Attributes:
        activity: the probability that it does something with an asset at a bar.
        answers: the probability that it acts when it is told of an order or an execution.
        mischief: the probability per bar of an error, of computing for long, of nonsense and of a
            thousand orders.
        is_calm: whether it makes no mischief for now.
        secret: what it knows and nobody may write down.
    """

    activity: float
    answers: float
    mischief: float
    is_calm: bool = False
    secret: Secret


class DayTrader(Strategy):
    """Trades by chance.

    Args:
        mood: how it behaves.
        rng: where chance comes from; nobody else may draw from it.
        pass_time: lets it compute for so many seconds.
    """

    def __init__(self, mood: Mood, rng: Random, pass_time: Callable[[float], None]) -> None:
        self._mood = mood
        self._rng = rng
        self._pass_time = pass_time
        self._gone: list[str] = []
        self._bars: MarketSlice | None = None

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002 - chance decides
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002 - none is needed
        broker: BrokerProtocol,
    ) -> None:
        """Do something with some of the assets."""
        self._bars = data
        if not self._mood.is_calm and self._rng.random() < self._mood.mischief:
            self._misbehave(broker)
        for asset in data:
            if self._rng.random() < self._mood.activity:
                self._act(asset, data[asset]["close"], broker)

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        """Keep in mind what has ended; sometimes act."""
        if not order.is_open:
            self._gone.append(order.id)
        elif self._rng.random() < self._mood.answers and order.status.name != "UNKNOWN":
            self._try(lambda: broker.cancel_order(order.id))

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        """Sometimes do the opposite of what was done."""
        if self._rng.random() < self._mood.answers:
            quantity = -fill.signed_quantity
            self._try(lambda: broker.submit_order(fill.asset, quantity, reduce_only=True))

    def _act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        working = [order for order in broker.pending_orders if order.asset == asset]
        position = broker.get_position(asset)
        held = 0.0 if position is None else position.quantity
        quantity = float(self._rng.randint(1, _LARGEST))
        choices: list[Callable[[], object]] = [
            lambda: broker.submit_order(asset, quantity),
            lambda: self._limit(asset, quantity, price, broker),
            lambda: self._stop(asset, quantity, price, broker),
        ]
        if held:
            sale = -math.copysign(min(quantity, abs(held)), held)
            choices += [
                lambda: broker.submit_order(asset, sale),
                lambda: self._limit(asset, sale, price, broker),
                lambda: self._stop(asset, sale, price, broker),
                lambda: broker.close_position(asset),
            ]
        if working:
            order = self._rng.choice(working)
            choices += [
                lambda: broker.cancel_order(order.id),
                lambda: self._change(order, price, broker),
            ]
        self._try(self._rng.choice(choices))

    def _limit(self, asset: str, quantity: float, price: float, broker: BrokerProtocol) -> Order:
        distance = self._rng.choice((-0.0005, 0.0005, 0.001, 0.02))
        limit = round(price * (1 - math.copysign(distance, quantity)), 2)
        lasts = self._rng.choice((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.GTC))
        return broker.submit_order(
            asset, quantity, None, OrderType.LIMIT, limit, time_in_force=lasts
        )

    def _stop(self, asset: str, quantity: float, price: float, broker: BrokerProtocol) -> Order:
        stop = round(price * (1 + math.copysign(self._rng.uniform(0.0005, 0.01), quantity)), 2)
        if self._rng.random() < 0.5:  # noqa: PLR2004 - a coin
            return broker.submit_order(asset, quantity, None, OrderType.STOP, stop_price=stop)
        limit = round(stop * (1 + math.copysign(0.001, quantity)), 2)
        return broker.submit_order(asset, quantity, None, OrderType.STOP_LIMIT, limit, stop)

    def _change(self, order: Order, price: float, broker: BrokerProtocol) -> Order:
        quantity = order.filled_quantity + self._rng.randint(1, _LARGEST)
        if order.limit_price is None or self._rng.random() < 0.5:  # noqa: PLR2004 - a coin
            return broker.replace_order(order.id, quantity=quantity)
        limit = round(price * self._rng.uniform(0.995, 1.005), 2)
        return broker.replace_order(order.id, limit_price=limit)

    def _misbehave(self, broker: BrokerProtocol) -> None:
        """Do what no strategy should do."""
        assert self._bars is not None  # noqa: S101 - called with bars
        asset = self._rng.choice(list(self._bars) or ["AAA"])
        mischief: list[Callable[[], object]] = [
            self._fail,
            lambda: self._pass_time(self._rng.choice((1.0, 20.0, 45.0))),
            lambda: self._try(lambda: broker.submit_order(asset, math.nan)),
            lambda: self._try(lambda: broker.submit_order(asset, 1e300)),
            lambda: broker.submit_order(asset, math.inf),
            lambda: self._flood(asset, broker),
            lambda: self._cancel_gone(broker),
            lambda: self._try(lambda: broker.cancel_order(f"no such order, {self._mood.secret}")),
            lambda: self._close_again(asset, broker),
        ]
        self._rng.choice(mischief)()

    def _fail(self) -> None:
        msg = f"a mistake of the strategy that knows {self._mood.secret}"
        raise ZeroDivisionError(msg)

    def _flood(self, asset: str, broker: BrokerProtocol) -> None:
        # Rarely so many: they take long.
        count = _FLOOD if self._rng.random() < 0.1 else 50  # noqa: PLR2004 - one time in ten
        for _ in range(count):
            if not self._mood.is_calm:
                self._try(lambda: broker.submit_order(asset, 1))

    def _close_again(self, asset: str, broker: BrokerProtocol) -> None:
        for _ in range(5):
            self._try(lambda: broker.close_position(asset))

    def _cancel_gone(self, broker: BrokerProtocol) -> None:
        for order_id in self._gone[-3:]:
            self._try(partial(broker.cancel_order, order_id))

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Ml4tError:
            # Most strategies go on; those that do not are had with other mischief.
            return
