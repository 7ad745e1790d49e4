"""Order requests: what makes an order, and what makes none."""

import math
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import InvalidOrderError, OrderRequest, OrderSide, OrderType, TimeInForce

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)
EXTRAS: dict[OrderType, dict[str, float]] = {
    OrderType.MARKET: {},
    OrderType.LIMIT: {"limit_price": 9.0},
    OrderType.STOP: {"stop_price": 11.0},
    OrderType.STOP_LIMIT: {"limit_price": 9.0, "stop_price": 11.0},
    OrderType.TRAILING_STOP: {"trail_amount": 1.0},
    OrderType.MARKET_ON_OPEN: {},
    OrderType.MARKET_ON_CLOSE: {},
    OrderType.MARKET_IF_TOUCHED: {"stop_price": 9.0},
    OrderType.LIMIT_IF_TOUCHED: {"limit_price": 9.5, "stop_price": 9.0},
}
PRICES = ("limit_price", "stop_price", "trail_amount", "trail_percent")


def request(**fields: Any) -> OrderRequest:
    return OrderRequest(**{"asset": "SPY", "side": OrderSide.BUY, "quantity": 10.0, **fields})


class TestSide:
    @pytest.mark.parametrize(("side", "sign"), [(OrderSide.BUY, 1), (OrderSide.SELL, -1)])
    def test_a_side_has_a_sign(self, side: OrderSide, sign: int) -> None:
        assert side.sign == sign
        assert side.opposite.sign == -sign

    @pytest.mark.parametrize(
        ("quantity", "side"), [(10, OrderSide.BUY), (-10, OrderSide.SELL), (0.5, OrderSide.BUY)]
    )
    def test_without_a_side_the_sign_decides(self, quantity: float, side: OrderSide) -> None:
        made = OrderRequest.of("SPY", quantity)

        assert (made.side, made.quantity) == (side, abs(quantity))
        assert made.signed_quantity == quantity

    @pytest.mark.parametrize("side", OrderSide)
    def test_with_a_side_the_quantity_has_no_sign(self, side: OrderSide) -> None:
        assert OrderRequest.of("SPY", 10, side).signed_quantity == 10 * side.sign
        with pytest.raises(InvalidOrderError, match=f"has a sign and side={side.name}"):
            OrderRequest.of("SPY", -10, side)

    def test_constants_are_found_in_sets(self) -> None:
        """They hash by identity, which must agree with how they compare."""
        for kind in (OrderSide, OrderType, TimeInForce):
            assert all(member in set(kind) for member in kind)
            assert all(kind(member.value) is member for member in kind)


class TestQuantity:
    @pytest.mark.parametrize("quantity", [0.0, -0.0, math.nan, math.inf, -math.inf])
    def test_a_quantity_that_no_venue_takes_is_a_fault(self, quantity: float) -> None:
        fault = OrderRequest.of("SPY", quantity).fault

        assert fault == f"quantity must be positive and finite, was {abs(quantity)}"

    @pytest.mark.parametrize("kind", OrderType)
    def test_numbers_that_a_venue_can_take_are_no_fault(self, kind: OrderType) -> None:
        assert request(order_type=kind, **EXTRAS[kind]).fault is None

    @pytest.mark.parametrize("quantity", [None, "5", object])
    def test_a_quantity_is_a_number(self, quantity: Any) -> None:
        with pytest.raises(InvalidOrderError, match="quantity must be a number, was"):
            OrderRequest.of("SPY", quantity)

    def test_whole_numbers_become_floats(self) -> None:
        assert type(OrderRequest.of("SPY", 10).quantity) is float


class TestPrices:
    @pytest.mark.parametrize("kind", OrderType)
    def test_an_order_with_its_prices_is_one(self, kind: OrderType) -> None:
        made = request(order_type=kind, **EXTRAS[kind])

        assert {name: getattr(made, name) for name in EXTRAS[kind]} == EXTRAS[kind]

    @pytest.mark.parametrize(
        ("kind", "missing"),
        [(kind, name) for kind, extras in EXTRAS.items() for name in extras],
        ids=lambda value: getattr(value, "name", value),
    )
    def test_an_order_without_its_price_is_none(self, kind: OrderType, missing: str) -> None:
        rest = {name: price for name, price in EXTRAS[kind].items() if name != missing}
        with pytest.raises(InvalidOrderError, match=missing):
            request(order_type=kind, **rest)

    def test_a_price_is_a_number(self) -> None:
        with pytest.raises(InvalidOrderError, match="limit_price of a LIMIT order must be a price"):
            request(order_type=OrderType.LIMIT, limit_price="9")

    @pytest.mark.parametrize(
        ("kind", "extra"),
        [
            (kind, name)
            for kind, extras in EXTRAS.items()
            for name in PRICES
            if name not in extras and kind is not OrderType.TRAILING_STOP
        ],
        ids=lambda value: getattr(value, "name", value),
    )
    def test_an_order_with_anothers_price_is_none(self, kind: OrderType, extra: str) -> None:
        with pytest.raises(InvalidOrderError, match=f"{extra}.*{kind.name}"):
            request(order_type=kind, **{**EXTRAS[kind], extra: 1.0})

    @pytest.mark.parametrize("extra", ["limit_price", "stop_price"])
    def test_a_trailing_stop_names_no_price(self, extra: str) -> None:
        with pytest.raises(InvalidOrderError, match=f"{extra} does not belong"):
            request(order_type=OrderType.TRAILING_STOP, trail_amount=1.0, **{extra: 1.0})

    @pytest.mark.parametrize("name", ["trail_amount", "trail_percent"])
    def test_a_trailing_stop_follows_by_money_or_percent(self, name: str) -> None:
        made = request(order_type=OrderType.TRAILING_STOP, **{name: 2.0})

        assert getattr(made, name) == 2.0

    def test_a_trailing_stop_does_not_follow_by_both(self) -> None:
        with pytest.raises(InvalidOrderError, match="one of trail_amount and trail_percent"):
            request(order_type=OrderType.TRAILING_STOP, trail_amount=1.0, trail_percent=1.0)

    @pytest.mark.parametrize(
        ("kind", "name"),
        [(kind, name) for kind, extras in EXTRAS.items() for name in extras],
        ids=lambda value: getattr(value, "name", value),
    )
    @pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
    def test_a_price_that_no_venue_takes_is_a_fault(
        self, kind: OrderType, name: str, price: float
    ) -> None:
        made = request(order_type=kind, **{**EXTRAS[kind], name: price})

        assert made.fault == f"{name} must be positive and finite, was {price}"


class TestTimeInForce:
    def test_an_order_works_for_the_day_unless_it_says_otherwise(self) -> None:
        assert request().time_in_force is TimeInForce.DAY

    def test_good_till_needs_an_instant(self) -> None:
        with pytest.raises(InvalidOrderError, match="good_till must"):
            request(time_in_force=TimeInForce.GTD)

    def test_good_till_needs_a_timezone(self) -> None:
        naive = datetime(2024, 1, 2)  # noqa: DTZ001 - the point of the test
        with pytest.raises(InvalidOrderError, match=r"good_till must be .*timezone-aware"):
            request(time_in_force=TimeInForce.GTD, good_till=naive)

    def test_good_till_with_an_instant_is_kept(self) -> None:
        assert request(time_in_force=TimeInForce.GTD, good_till=WHEN).good_till == WHEN

    @pytest.mark.parametrize(
        "other", [t for t in TimeInForce if t is not TimeInForce.GTD], ids=lambda t: t.name
    )
    def test_an_instant_belongs_to_good_till(self, other: TimeInForce) -> None:
        with pytest.raises(InvalidOrderError, match=f"belongs to GTD orders.*{other.name}"):
            request(time_in_force=other, good_till=WHEN)


def test_an_order_is_for_an_asset() -> None:
    with pytest.raises(InvalidOrderError, match="asset must be a symbol"):
        request(asset="")


def test_a_request_never_changes() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request().quantity = 1.0  # type: ignore[misc]


numbers = st.one_of(st.none(), st.floats())


@given(
    kind=st.sampled_from(OrderType),
    quantity=st.floats(),
    side=st.one_of(st.none(), st.sampled_from(OrderSide)),
    prices=st.fixed_dictionaries(dict.fromkeys(PRICES, numbers)),
)
def test_every_request_that_can_be_built_makes_sense(
    kind: OrderType, quantity: float, side: OrderSide | None, prices: dict[str, Any]
) -> None:
    try:
        made = OrderRequest.of("SPY", quantity, side, kind, **prices)
    except InvalidOrderError:
        return

    given_prices = {name: price for name, price in prices.items() if price is not None}
    sound = all(0 < price < math.inf for price in given_prices.values())
    sound = sound and 0 < made.quantity < math.inf and (prices["trail_percent"] or 0) < 100
    assert (made.fault is None) == sound
    if not math.isnan(quantity):
        assert made.quantity == abs(quantity)
    needed: dict[OrderType, list[set[str]]] = {
        OrderType.MARKET: [set()],
        OrderType.LIMIT: [{"limit_price"}],
        OrderType.STOP: [{"stop_price"}],
        OrderType.STOP_LIMIT: [{"limit_price", "stop_price"}],
        OrderType.TRAILING_STOP: [{"trail_amount"}, {"trail_percent"}],
        OrderType.MARKET_ON_OPEN: [set()],
        OrderType.MARKET_ON_CLOSE: [set()],
        OrderType.MARKET_IF_TOUCHED: [{"stop_price"}],
        OrderType.LIMIT_IF_TOUCHED: [{"limit_price", "stop_price"}],
    }
    assert set(given_prices) in needed[kind]


def test_a_trailing_stop_cannot_trail_by_the_whole_price() -> None:
    made = request(order_type=OrderType.TRAILING_STOP, trail_percent=100.0)

    assert made.fault == "trail_percent must be below 100, was 100.0"
