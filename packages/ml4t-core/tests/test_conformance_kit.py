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
    Capabilities,
    Ml4tError,
    Order,
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


class OffersEverything(SimulatedBroker):
    """Follows the price with trailing stops, too."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._capabilities = attrs.evolve(self._capabilities, order_types=frozenset(OrderType))
        self._best: dict[str, float] = {}

    def match(self) -> None:
        assert self.bars is not None
        for order in self.pending_orders:
            trail = order.request.trail_amount
            if trail is not None:
                known = self.bars.previous_mark(order.asset)
                best = self._best[order.id] = max(self._best.get(order.id, 0.0), known or 0.0)
                stop = attrs.evolve(
                    order.request,
                    order_type=OrderType.STOP,
                    stop_price=best - trail,
                    trail_amount=None,
                )
                self.book.put(attrs.evolve(order, request=stop))
                super().match()
                now = self.book[order.id]
                self.book.put(attrs.evolve(now, request=order.request))
                return
        super().match()


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

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(super().capabilities, order_types=frozenset(OrderType))


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


FAULTS = {
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


def test_a_broker_that_offers_everything_passes(venue_of: Callable[..., VenueUnderTest]) -> None:
    failed, skipped = examine(lambda: venue_of(MarginAccount(), OffersEverything))

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

    assert len(kit) == 5
    assert loaders == {"AssertionRewritingHook"}


def test_a_subclass_without_a_venue_is_told_so() -> None:
    venue = inspect.unwrap(BrokerConformance.venue.__wrapped__)  # type: ignore[attr-defined]
    with pytest.raises(NotImplementedError, match="must have a fixture `venue`"):
        venue(BrokerConformance())


def test_the_kit_is_one_import() -> None:
    assert ml4t.core.testing.__all__ == ["CASH", "PRICE", "BrokerConformance", "VenueUnderTest"]
