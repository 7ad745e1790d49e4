"""The conformance kit finds faults: each broker in here is wrong in one way, and a test says so."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest

import ml4t.core.testing
from ml4t.core import (
    Asset,
    Bracket,
    Capabilities,
    InvalidOrderError,
    Ml4tError,
    Order,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    Position,
    TimeInForce,
    UnknownAssetError,
    UnknownOrderError,
)
from ml4t.core.testing import BrokerConformance, VenueUnderTest
from ml4t.simulation import AccountRules, CashAccount, MarginAccount, SimulatedBroker


def specification() -> Iterator[tuple[str, Callable[..., None]]]:
    """The tests of the kit by name."""
    for name, test in inspect.getmembers(BrokerConformance, inspect.isfunction):
        if name.startswith("test_"):
            yield name, test


def examine(make_venue: Callable[[], VenueUnderTest]) -> tuple[set[str], set[str]]:
    """The tests of the kit that a broker does not pass, and those that are skipped for it."""
    failed, skipped = set(), set()
    for name, test in specification():
        try:
            test(BrokerConformance(), make_venue())
        except (AssertionError, Ml4tError, TypeError, pytest.fail.Exception):
            failed.add(name)
        except pytest.skip.Exception:
            skipped.add(name)
    return failed, skipped


def failures(make_venue: Callable[[], VenueUnderTest]) -> set[str]:
    """The tests of the kit that a broker does not pass."""
    return examine(make_venue)[0]


class OffersLittle(SimulatedBroker):
    """Trades whole units at market, replaces nothing, and says so."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._capabilities = Capabilities(
            order_types=[OrderType.MARKET], times_in_force=[TimeInForce.DAY]
        )

    def replace_order(self, order_id: str, **changes: Any) -> Order:
        order = self.book[order_id]
        return attrs.evolve(order, reason=order.reason or "orders cannot be replaced here")

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        request = OrderRequest.of(*arguments, **more)
        objection = self.capabilities.objection(request) if not request.fault else None
        if objection is not None:
            return self._enter(request, objection)
        return super().submit_order(*arguments, **more)

    def _first_objection(self, requests: Sequence[OrderRequest]) -> str | None:
        return "the venue takes no groups of orders"


class CancelsNothing(SimulatedBroker):
    """Says that it cancelled and does nothing."""

    def cancel_order(self, order_id: str) -> bool:
        return self.book[order_id].is_open


class CancelsEverything(SimulatedBroker):
    """Takes out every order where one was named."""

    def cancel_order(self, order_id: str) -> bool:
        answer = super().cancel_order(order_id)
        for order in self.pending_orders:
            super().cancel_order(order.id)
        return answer


class CancelsAgain(SimulatedBroker):
    """Says True whatever became of the order."""

    def cancel_order(self, order_id: str) -> bool:
        super().cancel_order(order_id)
        return True


class KnowsEveryId(SimulatedBroker):
    """Answers where no order has the id."""

    def cancel_order(self, order_id: str) -> bool:
        try:
            return super().cancel_order(order_id)
        except UnknownOrderError:
            return False


class SellsWhatIsNotThere(SimulatedBroker):
    """Does not declare short selling and sells short."""

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(super().capabilities, short_selling=False)


class IgnoresTheSign(SimulatedBroker):
    """Takes a negative quantity together with a side."""

    def submit_order(
        self, asset: str, quantity: float, side: OrderSide | None = None, *rest: Any, **more: Any
    ) -> Order:
        quantity = quantity if side is None else abs(quantity)
        return super().submit_order(asset, quantity, side, *rest, **more)


class BuysForSell(SimulatedBroker):
    """Drops the minus of a quantity without a side."""

    def submit_order(self, asset: str, quantity: float, *rest: Any, **more: Any) -> Order:
        return super().submit_order(asset, abs(quantity), *rest, **more)


class ShowsTheWrongSign(SimulatedBroker):
    """Shows a position with the opposite sign."""

    def get_position(self, asset: str) -> Position | None:
        position = super().get_position(asset)
        return position and attrs.evolve(position, quantity=-position.quantity)


class SubmitsTwice(SimulatedBroker):
    """Sends each order twice."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        super().submit_order(*arguments, **more)
        return super().submit_order(*arguments, **more)


class SubmitsNothing(SimulatedBroker):
    """Gives an order back and forgets it."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        order = super().submit_order(*arguments, **more)
        self.book.working.pop(order.id, None)
        return order


class RaisesForARefusal(SimulatedBroker):
    """Raises where the venue says no."""

    def submit_order(self, asset: str, *rest: Any, **more: Any) -> Order:
        self.get_asset(asset)
        return super().submit_order(asset, *rest, **more)


class GivesNoReason(SimulatedBroker):
    """Rejects without a word."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        order = super().submit_order(*arguments, **more)
        if order.status is OrderStatus.REJECTED:
            self.book.put(attrs.evolve(order, reason=""))
        return self.book[order.id]


class AcceptsTheUnknown(SimulatedBroker):
    """Takes an order for an asset that it does not list."""

    def submit_order(self, asset: str, *rest: Any, **more: Any) -> Order:
        order = super().submit_order(asset, *rest, **more)
        if order.status is OrderStatus.REJECTED:
            order = attrs.evolve(order, status=OrderStatus.ACCEPTED)
            self.book.put(order)
        return order


class ListsEverything(SimulatedBroker):
    """Gives terms of an asset that nobody lists."""

    def get_asset(self, asset: str) -> Asset:
        try:
            return super().get_asset(asset)
        except UnknownAssetError:
            return super().get_asset("AAA")


class FillsLimitsAtMarket(SimulatedBroker):
    """Fills limit and stop orders like market orders."""

    def match(self) -> None:
        for order in self.pending_orders:
            request = attrs.evolve(
                order.request, order_type=OrderType.MARKET, limit_price=None, stop_price=None
            )
            self.book.put(attrs.evolve(order, request=request))
        super().match()


class FillsAtOnce(SimulatedBroker):
    """Fills an order in the bar that it was decided on."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        order = super().submit_order(*arguments, **more)
        self.match()
        return order


class ForgetsTheFill(SimulatedBroker):
    """Changes the position and leaves the order as it was."""

    def match(self) -> None:
        before = self.pending_orders
        super().match()
        for order in before:
            self.book.put(order)


class ReversesTheQueue(SimulatedBroker):
    """Shows the latest order first."""

    @property
    def pending_orders(self) -> Sequence[Order]:
        return super().pending_orders[::-1]


class ShowsFlatPositions(SimulatedBroker):
    """Gives a position of nothing where there is none."""

    def get_position(self, asset: str) -> Position | None:
        return super().get_position(asset) or Position(asset, 0.0, 0.0)


class KeepsFlatPositions(SimulatedBroker):
    """Keeps what was sold among the positions."""

    @property
    def positions(self) -> Mapping[str, Position]:
        traded = {fill.asset: Position(fill.asset, 0.0, 0.0) for fill in self.fills}
        return {**traded, **super().positions}


class ClosesTwice(SimulatedBroker):
    """Sells the whole position whenever it is told to close it."""

    def close_position(self, asset: str) -> Order | None:
        held = self.get_position(asset)
        return None if held is None else self.submit_order(asset, -held.quantity)


class ClosesHalf(SimulatedBroker):
    """Sells half of the position."""

    def close_position(self, asset: str) -> Order | None:
        held = self.get_position(asset)
        return None if held is None else self.submit_order(asset, -held.quantity / 2)


class CountsProtection(SimulatedBroker):
    """Takes a protective order for a sale that will happen."""

    def close_position(self, asset: str) -> Order | None:
        if any(order.asset == asset for order in self.pending_orders):
            return None
        return super().close_position(asset)


class ForgetsFees(SimulatedBroker):
    """Shows more cash than there is."""

    def get_cash(self) -> float:
        return super().get_cash() + sum(0.01 * fill.price * fill.quantity for fill in self.fills)


class MarksAtCost(SimulatedBroker):
    """Values positions at what was paid for them."""

    def get_account_value(self) -> float:
        return self.get_cash() + sum(
            position.market_value(position.average_price) for position in self.positions.values()
        )


class ReplacesNothing(SimulatedBroker):
    """Says that it replaced and does nothing."""

    def replace_order(self, order_id: str, **changes: Any) -> Order:
        order = self.book[order_id]
        return attrs.evolve(order, request=attrs.evolve(order.request, **changes))


class ReplacesByAnother(SimulatedBroker):
    """Sends a second order and leaves the first."""

    def replace_order(self, order_id: str, **changes: Any) -> Order:
        order = self.book[order_id]
        if not order.is_open:
            return order
        request = attrs.evolve(order.request, **{k: v for k, v in changes.items() if v})
        return self.submit_order(
            request.asset, request.quantity, request.side, request.order_type, request.limit_price
        )


class DeclaresTooMuch(SimulatedBroker):
    """Declares trailing stops, which it does not trade."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        request = OrderRequest.of(*arguments, **more)
        if request.order_type is OrderType.TRAILING_STOP:
            return self._enter(request, "no trailing stops")
        return super().submit_order(*arguments, **more)


class DeclaresTooLittle(SimulatedBroker):
    """Takes what it does not declare."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(order_types=[OrderType.MARKET], times_in_force=[])


class Nameless(SimulatedBroker):
    """Gives one id to all orders."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        return attrs.evolve(super().submit_order(*arguments, **more), id="1")


class LacksAMethod(SimulatedBroker):
    """Cannot close a position."""

    close_position = None  # type: ignore[assignment]


class LosesTheTag(SimulatedBroker):
    """Does not keep what the strategy wrote on its order."""

    def submit_order(self, *arguments: Any, tag: str = "", **more: Any) -> Order:
        return super().submit_order(*arguments, **more)


class ClosesTheFlat(SimulatedBroker):
    """Sends an order where there is nothing to close."""

    def close_position(self, asset: str) -> Order | None:
        return super().close_position(asset) or self.submit_order(asset, 1)


class ReplacesTheUnknown(SimulatedBroker):
    """Answers where there is no order to replace."""

    def replace_order(self, order_id: str, **changes: Any) -> Order:
        if order_id in self.book.orders:
            return super().replace_order(order_id, **changes)
        return self.submit_order("AAA", 1)


class NamesAnother(SimulatedBroker):
    """Gives the terms of another asset."""

    def get_asset(self, asset: str) -> Asset:
        return attrs.evolve(super().get_asset(asset), symbol="CCC")


class RaisesForNumbers(SimulatedBroker):
    """Raises where a number is none."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        fault = OrderRequest.of(*arguments, **more).fault
        if fault:
            raise InvalidOrderError(fault)
        return super().submit_order(*arguments, **more)

    def replace_order(self, order_id: str, **changes: Any) -> Order:
        order = super().replace_order(order_id, **changes)
        if order.reason and order.is_open:
            raise InvalidOrderError(order.reason)
        return order


class ReplacesByAnything(SimulatedBroker):
    """Looks at no number and no field of a replacement."""

    def replace_order(self, order_id: str, **changes: Any) -> Order:
        try:
            order = super().replace_order(order_id, **changes)
        except InvalidOrderError:
            return self.submit_order("AAA", 1)
        return attrs.evolve(order, reason="")


class LooksAtThePurseLater(SimulatedBroker):
    """Takes what nobody could pay for."""

    def submit_order(self, *arguments: Any, **more: Any) -> Order:
        order = super().submit_order(*arguments, **more)
        if order.status is OrderStatus.REJECTED and "carry" in order.reason:
            order = attrs.evolve(order, status=OrderStatus.ACCEPTED)
            self.book.put(order)
        return order


class OpensWhatOnlyReduces(SimulatedBroker):
    """Takes a reduce-only order for any other."""

    def submit_order(self, *arguments: Any, reduce_only: bool = False, **more: Any) -> Order:
        return super().submit_order(*arguments, **more)


class ReducesInWholeOnly(SimulatedBroker):
    """Refuses to reduce by more than is held instead of trimming."""

    def submit_order(self, *arguments: Any, reduce_only: bool = False, **more: Any) -> Order:
        request = attrs.evolve(OrderRequest.of(*arguments, **more), reduce_only=reduce_only)
        held = self.get_position(request.asset)
        if reduce_only and held is not None and request.quantity > abs(held.quantity):
            return self._enter(request, "more than is held")
        return super().submit_order(*arguments, reduce_only=reduce_only, **more)


class WakesChildrenAtOnce(SimulatedBroker):
    """Lets target and stop work beside their parent."""

    def _enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        objection = self._first_objection((parent, *children))
        return tuple(self._enter(each, objection) for each in (parent, *children))


class NeverWakesChildren(SimulatedBroker):
    """Forgets what the children wait for."""

    def _enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        objection = self._first_objection((parent, *children))
        first = self._enter(parent, objection)
        return (first, *(self._enter(each, objection, first.id, "lost") for each in children))


class KeepsBothLegs(SimulatedBroker):
    """Lets both legs of a bracket fill."""

    def match(self) -> None:
        before = [o for o in self.pending_orders if o.parent and o.status is OrderStatus.ACCEPTED]
        super().match()
        for order in before:
            if self.book[order.id].status is OrderStatus.CANCELLED:
                apart = attrs.evolve(order.request, reduce_only=False)
                self.book.put(attrs.evolve(order, request=apart, group=None))


class SendsGroupsApart(SimulatedBroker):
    """Sends the orders of a group one by one."""

    def submit_oco(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        found = [self._checks.objection(each, self.now, self.bars) for each in requests]
        return tuple(self._enter(r, o) for r, o in zip(requests, found, strict=True))


class RefusesHalfABracket(SimulatedBroker):
    """Sends an entry whose protection is refused."""

    def _enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        orders = super()._enter_family(parent, children)
        objection = self._checks.objection(parent, self.now, self.bars)
        return (self._enter(parent, objection), *orders[1:])


class SizesAsAsked(SimulatedBroker):
    """Leaves children the quantity that their parent was first asked for."""

    def match(self) -> None:
        before = {order.id: order.quantity for order in self.pending_orders}
        super().match()
        for order in self.pending_orders:
            if order.parent:
                request = attrs.evolve(order.request, quantity=before[order.id])
                self.book.put(attrs.evolve(order, request=request))


class OrphansOrders(SimulatedBroker):
    """Cancels the order that was named and none that hangs on it."""

    def cancel_order(self, order_id: str) -> bool:
        before = self.pending_orders
        answer = super().cancel_order(order_id)
        for order in before:
            if order.id != order_id:
                self.book.put(order)
        return answer


class KeepsExits(SimulatedBroker):
    """Leaves the exits of a position that is closed."""

    def match(self) -> None:
        before = self.pending_orders
        super().match()
        for order in before:
            if "closed" in self.book[order.id].reason:
                self.book.put(order)


class MakesAnyBracket(SimulatedBroker):
    """Sends the entry alone where the rest makes no bracket."""

    def submit_bracket(self, asset: str, quantity: float, *rest: Any, **legs: Any) -> Bracket:
        try:
            return super().submit_bracket(asset, quantity, *rest, **legs)
        except InvalidOrderError:
            return Bracket(self.submit_order(asset, abs(quantity)), None, None)


class MakesAnyGroup(SimulatedBroker):
    """Sends one by one what makes no group."""

    def submit_oco(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        return tuple(self._enter(request, None) for request in requests)


class SwapsTheLegs(SimulatedBroker):
    """Hands the stop back as the target."""

    def submit_bracket(self, *arguments: Any, **legs: Any) -> Bracket:
        bracket = super().submit_bracket(*arguments, **legs)
        return Bracket(bracket.parent, bracket.stop_loss, bracket.take_profit)


class SellsBrackets(SimulatedBroker):
    """Fills the exits of a bracket at market, in the next bar."""

    def match(self) -> None:
        super().match()
        for order in self.pending_orders:
            if order.parent and order.status is OrderStatus.ACCEPTED:
                request = attrs.evolve(
                    order.request, order_type=OrderType.MARKET, limit_price=None, stop_price=None
                )
                self.book.put(attrs.evolve(order, request=request))


class StopsTrailsOfBrackets(SimulatedBroker):
    """Leaves the trailing stop of a bracket where it began."""

    def match(self) -> None:
        before = {order.id: order.trail_stop for order in self.pending_orders if order.parent}
        super().match()
        for order in self.pending_orders:
            if before.get(order.id) is not None:
                self.book.put(attrs.evolve(order, trail_stop=before[order.id]))


FAULTS = {
    RaisesForNumbers: "test_a_quantity_that_no_venue_takes_is_rejected",
    ReplacesByAnything: "test_a_replacement_that_makes_no_order_is_an_error",
    LooksAtThePurseLater: "test_what_no_account_could_pay_for_is_rejected",
    OpensWhatOnlyReduces: "test_an_order_that_only_reduces_opens_nothing",
    ReducesInWholeOnly: "test_an_order_that_only_reduces_is_trimmed_to_what_is_held",
    WakesChildrenAtOnce: "test_children_sleep_until_their_parent_fills",
    NeverWakesChildren: "test_children_wake_when_their_parent_fills",
    KeepsBothLegs: "test_a_target_that_fills_cancels_the_stop",
    SendsGroupsApart: "test_one_cancels_the_other",
    RefusesHalfABracket: "test_a_bracket_is_refused_as_a_whole",
    SizesAsAsked: "test_children_are_sized_to_what_filled",
    OrphansOrders: "test_a_cancelled_parent_takes_its_children",
    KeepsExits: "test_exits_end_with_their_position",
    MakesAnyBracket: "test_what_makes_no_bracket_is_an_error",
    MakesAnyGroup: "test_what_makes_no_group_is_an_error",
    SwapsTheLegs: "test_a_bracket_is_an_entry_with_two_exits",
    SellsBrackets: "test_an_exit_keeps_to_its_price",
    StopsTrailsOfBrackets: "test_the_stop_of_a_bracket_may_trail",
    LacksAMethod: "test_a_broker_keeps_the_protocol",
    LosesTheTag: "test_an_order_carries_what_was_asked",
    ClosesTheFlat: "test_closing_what_is_flat_sends_nothing",
    ReplacesTheUnknown: "test_replacing_an_unknown_id_is_an_error",
    NamesAnother: "test_the_terms_of_a_listed_asset_name_it",
    CancelsNothing: "test_an_open_order_can_be_cancelled",
    CancelsEverything: "test_only_the_named_order_is_cancelled",
    CancelsAgain: "test_cancelling_again_changes_nothing",
    KnowsEveryId: "test_cancelling_an_unknown_id_is_an_error",
    SellsWhatIsNotThere: "test_an_undeclared_short_sale_leaves_no_short_position",
    IgnoresTheSign: "test_what_makes_no_order_is_an_error",
    BuysForSell: "test_a_negative_quantity_without_a_side_sells",
    ShowsTheWrongSign: "test_a_position_shows_what_was_bought",
    SubmitsTwice: "test_one_call_makes_one_order",
    SubmitsNothing: "test_a_market_order_fills_at_the_next_price",
    RaisesForARefusal: "test_an_unknown_asset_is_rejected",
    GivesNoReason: "test_an_unknown_asset_is_rejected",
    AcceptsTheUnknown: "test_a_rejected_order_cannot_be_cancelled",
    ListsEverything: "test_the_terms_of_an_unknown_asset_are_an_error",
    FillsLimitsAtMarket: "test_a_limit_buy_pays_no_more_than_its_limit",
    FillsAtOnce: "test_nothing_fills_before_the_market_moves",
    ForgetsTheFill: "test_a_market_order_fills_at_the_next_price",
    ReversesTheQueue: "test_pending_orders_keep_the_order_of_submission",
    ShowsFlatPositions: "test_a_new_account_is_flat",
    KeepsFlatPositions: "test_a_flat_asset_is_no_position",
    ClosesTwice: "test_closing_twice_never_reverses",
    ClosesHalf: "test_closing_leaves_flat",
    CountsProtection: "test_closing_does_not_rely_on_orders_that_may_not_fill",
    ForgetsFees: "test_the_value_is_cash_and_positions",
    MarksAtCost: "test_the_value_moves_with_the_market",
    ReplacesNothing: "test_an_order_can_be_replaced_in_place",
    ReplacesByAnother: "test_an_order_can_be_replaced_in_place",
    DeclaresTooMuch: "test_a_trailing_stop_follows_the_price",
    DeclaresTooLittle: "test_an_undeclared_order_type_is_rejected",
    Nameless: "test_ids_are_unique",
}


@pytest.mark.parametrize("account", [CashAccount(), MarginAccount()], ids=["cash", "margin"])
def test_a_sound_broker_passes(
    venue_of: Callable[..., VenueUnderTest], account: AccountRules
) -> None:
    assert failures(lambda: venue_of(account)) == set()


def test_a_broker_that_offers_little_passes(venue_of: Callable[..., VenueUnderTest]) -> None:
    failed, skipped = examine(lambda: venue_of(CashAccount(), OffersLittle))

    assert failed == set()
    assert {name for name in skipped if "undeclared" in name} == set()
    assert "test_a_bracket_is_an_entry_with_two_exits" in skipped


def test_a_broker_that_offers_everything_passes(venue_of: Callable[..., VenueUnderTest]) -> None:
    failed, skipped = examine(lambda: venue_of(MarginAccount()))

    assert failed == set()
    only_where_less_is_declared = {
        name for name in skipped if "undeclared" in name or "no_short_position" in name
    }
    assert skipped == only_where_less_is_declared


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(
    venue_of: Callable[..., VenueUnderTest], fault: type[SimulatedBroker]
) -> None:
    assert FAULTS[fault] in failures(lambda: venue_of(MarginAccount(), fault))


def test_each_test_of_the_kit_finds_a_fault(venue_of: Callable[..., VenueUnderTest]) -> None:
    found = set()
    for account in (CashAccount(), MarginAccount()):
        for fault in FAULTS:
            found |= failures(functools.partial(venue_of, account, fault))

    assert {name for name, _ in specification()} - found == set()


def test_each_sentence_of_the_specification_is_written_down() -> None:
    silent = [name for name, test in specification() if not (test.__doc__ or "").endswith(".")]

    assert silent == []


def test_a_failing_assert_shows_what_it_compared() -> None:
    kit = [name for name in sys.modules if name.endswith("_conformance") and "core.testing" in name]
    loaders = {type(sys.modules[name].__loader__).__name__ for name in kit}

    assert len(kit) == 6
    assert loaders == {"AssertionRewritingHook"}


def test_a_subclass_without_a_venue_is_told_so() -> None:
    venue = inspect.unwrap(BrokerConformance.venue.__wrapped__)  # type: ignore[attr-defined]
    with pytest.raises(NotImplementedError, match="must have a fixture `venue`"):
        venue(BrokerConformance())


def test_the_kit_is_one_import() -> None:
    assert ml4t.core.testing.__all__ == ["CASH", "PRICE", "BrokerConformance", "VenueUnderTest"]
