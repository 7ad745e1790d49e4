"""Events to canonical JSON and back."""

import json
import math
from datetime import date, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Asset, Fill, Order, OrderRequest, OrderSide, OrderStatus, OrderType, Position
from ml4t.core.errors import JournalError
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import CashFlow
from ml4t.live import events
from ml4t.live.events import EVENT_TYPES, Alert, HighWaterMark, JournalEvent
from ml4t.live.journal import JournalTooNewError
from ml4t.live.journal.codec import Codec, decode, encode

texts = st.text(max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=1e-9, max_value=1e12)
instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the timezone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
requests = st.builds(
    OrderRequest,
    asset=st.text(min_size=1, max_size=6),
    side=st.sampled_from(OrderSide),
    quantity=positive,
    order_type=st.just(OrderType.STOP_LIMIT),
    limit_price=positive,
    stop_price=positive,
    tag=texts,
    reduce_only=st.booleans(),
)
orders = st.builds(
    Order,
    id=texts,
    request=requests,
    status=st.sampled_from(OrderStatus),
    submitted_at=st.none() | instants,
    updated_at=st.none() | instants,
    filled_quantity=numbers,
    average_fill_price=st.none() | numbers,
    triggered=st.booleans(),
    reason=texts,
    fees=numbers,
    parent=st.none() | texts,
    group=st.none() | texts,
    trail_stop=st.none() | numbers,
)
fills = st.builds(
    Fill,
    id=texts,
    order_id=texts,
    asset=texts,
    side=st.sampled_from(OrderSide),
    quantity=positive,
    price=positive,
    timestamp=instants,
    fee=numbers,
    rule=texts,
    reference_price=st.none() | numbers,
    impact=numbers,
    volume_left=st.none() | numbers,
    path=texts,
)
flows = st.builds(CashFlow, id=texts, amount=numbers, reason=texts, timestamp=instants)
positions = st.builds(Position, asset=texts, quantity=numbers, average_price=positive)
given_fields = {
    Order: orders,
    Fill: fills,
    CashFlow: flows,
    OrderRequest: requests,
    Asset: st.builds(Asset, symbol=st.sampled_from(("SPY", "ES 12-26", "ä")), multiplier=positive),
    float: numbers,
    str: texts,
    int: st.integers(0, 40),
    bool: st.booleans(),
    date: st.dates(),
    datetime: instants,
    TradingState: st.sampled_from(TradingState),
    "orders": st.lists(orders, max_size=3).map(tuple),
    "names": st.lists(texts, max_size=3).map(tuple),
    "positions": st.dictionaries(texts, positions, max_size=3),
    "limits": st.dictionaries(texts, texts, max_size=3),
}


def events_of(kind: type[JournalEvent]) -> st.SearchStrategy[JournalEvent]:
    return st.builds(
        kind,
        **{
            field.name: given_fields[field.name if field.name in given_fields else field.type]
            for field in attrs.fields(kind)
        },
    )


every_event = st.one_of([events_of(kind) for kind in EVENT_TYPES.values()])


@given(every_event)
def test_an_event_reads_back_as_it_was(event: JournalEvent) -> None:
    assert event == decode(*encode(event))


@given(every_event)
def test_the_text_is_canonical(event: JournalEvent) -> None:
    _, _, body = encode(event)
    again = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    assert again == body
    assert body.isascii()
    assert encode(decode(*encode(event)))[2] == body


def test_the_text_of_an_event_does_not_change_between_versions() -> None:
    """Hashes of journals that exist depend on it."""
    event = events.CauseRaised(name="loss", state=TradingState.HALTED, reason='ä "x"', latched=True)
    body = '{"latched":true,"name":"loss","reason":"\\u00e4 \\"x\\"","state":"HALTED"}'
    assert ("CauseRaised", 1, body) == encode(event)


@pytest.mark.parametrize(
    ("number", "digits"), [(0.1, "0.1"), (10, "10.0"), (1e22, "1e+22"), (-0.0, "-0.0")]
)
def test_a_number_has_its_shortest_digits(number: float, digits: str) -> None:
    assert f'{{"equity":{digits}}}' == encode(HighWaterMark(equity=number))[2]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, "1.5", True, None])
def test_what_is_not_a_finite_number_is_refused(number: object) -> None:
    with pytest.raises(JournalError, match="HighWaterMark cannot be journaled"):
        encode(HighWaterMark(equity=number))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_denied_request_may_ask_for_any_number(number: float) -> None:
    denied = events.OrderDenied(
        request=OrderRequest.of("SPY", number), rule="r", control=1, value="", limit="", reason=""
    )
    assert repr(denied) == repr(decode(*encode(denied)))


@pytest.mark.parametrize(
    "event",
    [
        Alert(kind=1, message=""),  # type: ignore[arg-type]
        events.Rearmed(by="a", reason="", names=("a", 1)),  # type: ignore[arg-type]
        events.Rearmed(by="a", reason="", names=None),  # type: ignore[arg-type]
        events.CauseRaised(name="a", state="HALTED", reason="", latched=True),  # type: ignore[arg-type]
        events.CauseRaised(name="a", state=TradingState.HALTED, reason="", latched=1),  # type: ignore[arg-type]
        events.SessionBegan(label=datetime(2026, 1, 1), equity=1.0),  # noqa: DTZ001
        events.FillBooked(fill=None, evidence=""),  # type: ignore[arg-type]
        events.BalanceAdopted(
            cash=1.0,
            positions={},
            by="",
            since=datetime(2026, 1, 1),  # noqa: DTZ001
        ),
        events.OrderDenied(
            request=OrderRequest.of("SPY", 1),
            rule="",
            control=1.5,  # type: ignore[arg-type]
            value="",
            limit="",
            reason="",
        ),
        "not an event",
    ],
)
def test_a_value_of_another_type_is_refused(event: object) -> None:
    with pytest.raises(JournalError, match="cannot be journaled"):
        encode(event)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", "7", '{"kind":"a"}', '{"kind":"a","message":"b","more":1}'],
)
def test_a_text_that_is_no_such_event_is_refused(body: str) -> None:
    with pytest.raises(JournalError, match="cannot be read"):
        decode("Alert", 1, body)


@pytest.mark.parametrize(("kind", "version"), [("Alert", 2), ("FromTheFuture", 1)])
def test_what_a_newer_version_wrote_asks_for_an_upgrade(kind: str, version: int) -> None:
    with pytest.raises(JournalTooNewError, match="upgrade ml4t-core"):
        decode(kind, version, '{"kind":"a","message":"b"}')


def test_upcasters_turn_an_old_row_into_a_new_event() -> None:
    codec = Codec(
        {"Alert": Alert},
        {
            "Alert": (
                lambda old: {"kind": old["kind"], "message": old["text"]},
                lambda old: old | {"message": old["message"].upper()},
            )
        },
    )
    assert Alert(kind="a", message="B") == codec.decode("Alert", 1, '{"kind":"a","text":"b"}')
    assert Alert(kind="a", message="B") == codec.decode("Alert", 2, '{"kind":"a","message":"b"}')
    assert 3 == codec.encode(Alert(kind="a", message="b"))[1]


def test_a_field_that_is_younger_than_the_row_takes_its_default() -> None:
    body = encode(
        events.EngineStarted(
            account_id="a", environment="e", broker="b", app_version="1", config_hash="c"
        )
    )[2]
    fields = json.loads(body)
    del fields["limits"]
    started = decode("EngineStarted", 1, json.dumps(fields))
    assert isinstance(started, events.EngineStarted)
    assert {} == started.limits


def test_a_type_without_a_text_is_refused_when_the_codec_is_made() -> None:
    @attrs.frozen(kw_only=True)
    class Strange:
        what: complex

    with pytest.raises(TypeError, match="no text for a value of type"):
        Codec({"Strange": Strange})  # type: ignore[dict-item]
