"""Faults that strike the connection or the account as a whole."""

from functools import partial
from random import Random
from typing import ClassVar, Self

import attrs

from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.faults import Fault
from ml4t.live.testing.link import Link

__all__ = [
    "FloodReports",
    "FreezeLink",
    "GoDown",
    "HaltAsset",
    "LiquidatePositions",
    "MuteStream",
    "PayCash",
    "PlaceForeignOrders",
    "ReconnectStorm",
    "RestrictAccount",
    "RevokeKey",
    "SkewVenueClock",
    "SplitShares",
    "Strike",
    "TradeByHand",
    "World",
]


@attrs.frozen(kw_only=True)
class World:
    """What such a fault can strike."""

    venue: FaultyVenue
    link: Link

    def some_asset(self) -> str:
        """Any symbol."""
        return self.venue.rng.choice(tuple(self.venue.assets))


@attrs.frozen(kw_only=True)
class Strike(Fault):
    """A fault of the connection or the account as a whole; at random it comes with a bar."""

    opportunities: ClassVar[frozenset[str]] = frozenset({"bar", "session"})
    likely: ClassVar[float] = 0.02

    def strike(self, world: World) -> None:
        """Let it happen."""


@attrs.frozen(kw_only=True)
class GoDown(Strike):
    """The session breaks for a while.

    Attributes:
        seconds: how long.
    """

    ids: ClassVar[tuple[str, ...]] = ("F27", "F31", "F32")
    seconds: float = 30.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Mostly a minute, sometimes half an hour."""
        return cls(seconds=rng.uniform(0.0, rng.choice((60.0, 60.0, 1_800.0))))

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.link.down(self.seconds)


@attrs.frozen(kw_only=True)
class MuteStream(Strike):
    """The stream of reports is silent for a while, though connected.

    Attributes:
        seconds: how long.
    """

    ids: ClassVar[tuple[str, ...]] = ("F28",)
    seconds: float = 120.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Up to ten minutes."""
        return cls(seconds=rng.uniform(0.0, 600.0))

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.link.mute(self.seconds)


@attrs.frozen(kw_only=True)
class FreezeLink(Strike):
    """The other end is gone without a word: nothing is reported and no call is answered.

    Attributes:
        seconds: until the socket notices.
    """

    ids: ClassVar[tuple[str, ...]] = ("F35",)
    seconds: float = 60.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Up to five minutes."""
        return cls(seconds=rng.uniform(0.0, 300.0))

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.link.freeze(self.seconds)


@attrs.frozen(kw_only=True)
class ReconnectStorm(Strike):
    """The session comes back and breaks again, several times.

    Attributes:
        times: how often.
    """

    ids: ClassVar[tuple[str, ...]] = ("F30",)
    times: int = 10

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Up to twenty times."""
        return cls(times=rng.randint(2, 20))

    def strike(self, world: World) -> None:
        """Let it happen."""
        for number in range(self.times):
            world.link.agenda.after(number * 2.0, partial(world.link.down, 1.0, "storm"))


@attrs.frozen(kw_only=True)
class RestrictAccount(Strike):
    """The venue takes no order any more.

    Attributes:
        reason: in the venue's words.
    """

    ids: ClassVar[tuple[str, ...]] = ("F56",)
    likely: ClassVar[float] = 0.0005
    reason: str = "account suspended"

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.restrict(self.reason)


@attrs.frozen(kw_only=True)
class LiquidatePositions(Strike):
    """The venue closes every position of its own accord."""

    ids: ClassVar[tuple[str, ...]] = ("F56",)
    likely: ClassVar[float] = 0.0005

    def strike(self, world: World) -> None:
        """Let it happen."""
        for asset in world.venue.assets:
            world.venue.liquidate(asset)


@attrs.frozen(kw_only=True)
class RevokeKey(Strike):
    """The program's key is not valid any more: every call is refused."""

    ids: ClassVar[tuple[str, ...]] = ("F57",)
    likely: ClassVar[float] = 0.0005

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.is_key_valid = False


@attrs.frozen(kw_only=True)
class SkewVenueClock(Strike):
    """The venue's clock and the program's differ from now on.

    Attributes:
        seconds: how much the venue's is ahead.
    """

    ids: ClassVar[tuple[str, ...]] = ("F42",)
    likely: ClassVar[float] = 0.005
    seconds: float = 5.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Up to ten seconds either way."""
        return cls(seconds=rng.uniform(-10.0, 10.0))

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.skew = self.seconds


@attrs.frozen(kw_only=True)
class PlaceForeignOrders(Strike):
    """Another program on the account places limit orders.

    Attributes:
        count: how many.
        quantity: units of each.
        distance: how far below the market they buy, as a share of the price.
    """

    ids: ClassVar[tuple[str, ...]] = ("F37", "F54")
    likely: ClassVar[float] = 0.01
    count: int = 1
    quantity: float = 1.0
    distance: float = 0.05

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Mostly one, sometimes hundreds."""
        return cls(count=rng.choice((1, 1, 3, 60)), distance=rng.uniform(0.0, 0.05))

    def strike(self, world: World) -> None:
        """Let it happen."""
        for _ in range(self.count):
            asset = world.some_asset()
            limit = round(world.venue.market.prices[asset] * (1 - self.distance), 2)
            request = OrderRequest(
                asset=asset, side=OrderSide.BUY, quantity=self.quantity,
                order_type=OrderType.LIMIT, limit_price=limit, time_in_force=TimeInForce.DAY,
            )  # fmt: skip
            world.venue.place_foreign_order(request)


@attrs.frozen(kw_only=True)
class TradeByHand(Strike):
    """A person trades on the account.

    Attributes:
        quantity: units, negative for a sale.
        asset: which; None for any.
    """

    ids: ClassVar[tuple[str, ...]] = ("F53",)
    likely: ClassVar[float] = 0.005
    quantity: float = 5.0
    asset: str | None = None

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Some units either way."""
        return cls(quantity=float(rng.choice((-5, -1, 1, 5))))

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.trade_by_hand(self.asset or world.some_asset(), self.quantity)


@attrs.frozen(kw_only=True)
class PayCash(Strike):
    """Money comes or goes without a trade: dividend, deposit, withdrawal, interest, fee.

    Attributes:
        amount: how much, negative where it goes.
        reason: what for.
    """

    ids: ClassVar[tuple[str, ...]] = ("F55",)
    likely: ClassVar[float] = 0.01
    amount: float = 25.0
    reason: str = "dividend"

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Something small or something that would look like a great loss."""
        amount = rng.choice((12.34, -0.5, -5_000.0, 5_000.0))
        return cls(amount=amount, reason="dividend" if amount > 0 else "withdrawal")

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.pay(self.amount, self.reason)


@attrs.frozen(kw_only=True)
class SplitShares(Strike):
    """Each unit of an asset becomes several; nothing reports it.

    Attributes:
        ratio: how many.
        asset: which; None for any.
    """

    ids: ClassVar[tuple[str, ...]] = ("F55", "F39")
    opportunities: ClassVar[frozenset[str]] = frozenset({"session"})
    likely: ClassVar[float] = 0.02
    ratio: float = 2.0
    asset: str | None = None

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.split(self.asset or world.some_asset(), self.ratio)


@attrs.frozen(kw_only=True)
class HaltAsset(Strike):
    """An asset does not trade for a while.

    Attributes:
        seconds: how long.
        asset: which; None for any.
    """

    ids: ClassVar[tuple[str, ...]] = ("F40",)
    seconds: float = 3_600.0
    asset: str | None = None

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """For minutes or for days."""
        return cls(seconds=rng.uniform(60.0, rng.choice((3_600.0, 200_000.0))))

    def strike(self, world: World) -> None:
        """Let it happen."""
        world.venue.market.halt(self.asset or world.some_asset(), self.seconds)


@attrs.frozen(kw_only=True)
class FloodReports(Strike):
    """The venue reports its latest states of orders again, all at once and many times over.

    Attributes:
        count: how many reports.
    """

    ids: ClassVar[tuple[str, ...]] = ("F15", "F36")
    likely: ClassVar[float] = 0.001
    count: int = 1_000

    def strike(self, world: World) -> None:
        """Let it happen."""
        latest = [order.latest for order in world.venue.desk.orders[-10:]]
        for number in range(self.count if latest else 0):
            world.link.send(latest[number % len(latest)])
