"""The orders of one simulated account: all of them, and those that still work."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ml4t.core.errors import UnknownOrderError
from ml4t.core.orders import OPEN_STATUSES, Order, OrderStatus
from ml4t.simulation.fill_record import FillRecord
from ml4t.simulation.reach import Reach

__all__ = ["OrderBook"]

_NONE: Mapping[str, Order] = MappingProxyType({})
# A global: Python 3.11 takes as long to look up a member of an enumeration as to call a function.
_HELD = OrderStatus.HELD


class OrdersOfAsset(dict[str, Order]):
    """The working orders of one asset by id.

    Attributes:
        reach: what they wait for, kept by whoever worked it out until one of them changes.
    """

    __slots__ = ("reach",)

    def __init__(self) -> None:
        super().__init__()
        self.reach: Reach | None = None


class OrderBook:
    """Every order by id in its latest state, and the working ones in order of submission.

    Attributes:
        working: the orders that may fill in the next bar, by id; its truth value costs nothing to
            ask.
        sleeping: the children whose parent has not filled, by id.
    """

    __slots__ = ("_by_asset", "_completed", "_orders", "_view", "sleeping", "working")

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._view: Mapping[str, Order] = MappingProxyType(self._orders)
        # What completed orders whose last state nobody has asked for, by id.
        self._completed: dict[str, FillRecord] = {}
        # Kept from the first question on, since most strategies never ask.
        self._by_asset: dict[str, OrdersOfAsset] | None = None
        self.working: dict[str, Order] = {}
        self.sleeping: dict[str, Order] = {}

    @property
    def orders(self) -> Mapping[str, Order]:
        """Every order ever put, by id, in order of submission: a read-only view.

        It is up to date when it is asked for; ask again after orders have filled.
        """
        for number, record in self._completed.items():
            self._orders[number] = record.order_after()
        self._completed.clear()
        return self._view

    @property
    def open(self) -> Sequence[Order]:
        """Every order that has not ended, in order of submission."""
        if not self.sleeping:
            return tuple(self.working.values())
        both = (*self.working.values(), *self.sleeping.values())
        return tuple(sorted(both, key=lambda order: int(order.id)))

    def working_in(self, asset: str) -> Mapping[str, Order]:
        """The working orders of one asset by id."""
        return self.working_by_asset.get(asset, _NONE)

    @property
    def working_by_asset(self) -> "Mapping[str, OrdersOfAsset]":
        """The working orders of each asset that has any."""
        if self._by_asset is None:
            self._by_asset = {}
            for order in self.working.values():
                self._index(order, works=True)
        return self._by_asset

    def put(self, order: Order) -> None:
        """Add an order, or set the new state of one."""
        number = order.id
        self._orders[number] = order
        works = order.status in OPEN_STATUSES
        if order.status is _HELD:
            self.sleeping[number] = order
            works = False
        elif self.sleeping:
            self.sleeping.pop(number, None)
        if works:
            self.working[number] = order
        else:
            self.working.pop(number, None)
        if self._by_asset is not None:
            self._index(order, works=works)

    def complete(self, record: FillRecord) -> None:
        """A working order has filled as a whole; its last state is made when somebody asks."""
        number = record.order.id
        self._completed[number] = record
        del self.working[number]
        if self._by_asset is not None:
            self._index(record.order, works=False)

    def _index(self, order: Order, *, works: bool) -> None:
        assert self._by_asset is not None  # noqa: S101 - asked where there is one
        asset = order.request.asset
        same = self._by_asset.get(asset)
        if works:
            if same is None:
                same = self._by_asset[asset] = OrdersOfAsset()
            same[order.id] = order
            same.reach = None
        elif same is not None:
            same.pop(order.id, None)
            same.reach = None
            if not same:
                del self._by_asset[asset]

    def __getitem__(self, order_id: str) -> Order:
        record = self._completed.pop(order_id, None)
        if record is not None:
            self._orders[order_id] = record.order_after()
        try:
            return self._orders[order_id]
        except KeyError:
            msg = f"no order has the id {order_id!r}"
            raise UnknownOrderError(msg) from None

    def __len__(self) -> int:
        return len(self._orders)
