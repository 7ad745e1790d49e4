"""Tests of :mod:`ml4t.live.testing.wire`: the venue behind a real socket."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ml4t.core.calendar import Session
from ml4t.core.errors import DataError, UnknownAssetError, VenueUnavailableError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.raw_bars import RawBar
from ml4t.core.venue_events import ConnectionChange, FillBust
from ml4t.live.clock import SystemClock
from ml4t.live.testing import (
    FaultyBroker,
    FaultyFeed,
    FaultyVenue,
    MarketSettings,
    VenueRules,
    WireBroker,
    WireClient,
    WireFeed,
    WireServer,
    seeded,
)
from ml4t.live.testing.wire_codec import error_of, from_line, to_line


@pytest.fixture
async def server():
    """A venue with a day of bars that take a fifth of a second, behind a socket."""
    now = SystemClock().now()
    session = Session(
        label=now.date(), opens=now - timedelta(seconds=2), closes=now + timedelta(hours=1)
    )
    market = MarketSettings(
        prices={"A": 100.0}, sessions=[session], bar_size=timedelta(seconds=0.2)
    )
    rules = VenueRules(reaction=(0.001, 0.01))
    venue = FaultyVenue(market, SystemClock(), seeded(1), rules=rules)
    broker = FaultyBroker(venue)
    broker.link.latency = (0.0, 0.001)
    feed = FaultyFeed(venue, broker.faults)
    venue.open()
    server = WireServer(broker, feed)
    yield venue, server, await server.start()
    await server.close()
    venue.close()


async def test_every_call_goes_over_the_socket(server) -> None:
    venue, _, port = server
    broker = WireBroker(WireClient(port))
    await broker.connect()
    order = await broker.submit("m1", OrderRequest.of("A", 10))
    resting = OrderRequest(
        asset="A", side=OrderSide.BUY, quantity=1, order_type=OrderType.LIMIT, limit_price=1.0,
        time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    await broker.submit("m2", resting)
    await broker.replace("m2", resting)
    async for event in broker.events():
        if isinstance(event, Fill):
            break
    assert order.status is OrderStatus.ACCEPTED
    assert [order.id for order in await broker.open_orders() if order.id == "m2"] == ["m2"]
    await broker.cancel("m2")
    await broker.cancel_all()
    assert (await broker.identity()).account_id == "SIM-1"
    assert (await broker.get_asset("A")).symbol == "A"
    assert (await broker.time()).tzinfo is not None
    assert (await broker.account()).positions["A"].quantity > 0
    assert await broker.find_order("m9") is None
    found = await broker.find_order("m1")
    assert found is not None
    assert found.id == "m1"
    assert (await broker.fills_since(venue.origin))[0].order_id == "m1"
    with pytest.raises(UnknownAssetError):
        await broker.get_asset("Z")
    assert broker.capabilities == venue.rules.capabilities
    assert broker.protocol == 1
    await broker.disconnect()
    assert venue.watch.check() == []


async def test_a_lost_socket_is_reported_and_made_again(server) -> None:
    _, wire, port = server
    broker = WireBroker(WireClient(port))
    with pytest.raises(VenueUnavailableError, match="not connected"):
        await broker.account()
    await broker.connect()
    wire.break_connections()
    changes = []
    async for event in broker.events():
        if isinstance(event, ConnectionChange):
            changes.append(event.is_up)
        if len(changes) == 2:
            break
    assert changes == [False, True]
    assert (await broker.account()).cash == 100_000
    await broker.disconnect()


async def test_an_order_of_a_client_that_is_gone_is_accepted(server) -> None:
    _, _, port = server
    client = WireClient(port)
    broker = WireBroker(client)
    await broker.connect()
    call = asyncio.create_task(broker.submit("m1", OrderRequest.of("A", 10)))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(VenueUnavailableError, match="the connection broke"):
        await call
    second = WireBroker(WireClient(port))
    await second.connect()
    async with asyncio.timeout(5):
        while await second.find_order("m1") is None:
            pass
    await second.disconnect()


async def test_bars_come_over_the_socket(server) -> None:
    _, _, port = server
    client = WireClient(port)
    feed = WireFeed(client)
    await feed.subscribe(["A"])
    history = await feed.history("A", 3)
    async for bar in feed.bars():
        assert isinstance(bar.timestamp, datetime)
        assert bar.timestamp > history[-1].timestamp
        break
    await feed.close()
    await client.close()
    assert len(history) == 3
    assert feed.protocol == 1


async def test_nobody_listens() -> None:
    with pytest.raises(VenueUnavailableError, match="cannot connect"):
        await WireBroker(WireClient(1)).connect()


async def test_a_call_that_does_not_exist_is_an_error(server) -> None:
    _, _, port = server
    client = WireClient(port)
    await client.open()
    with pytest.raises(VenueUnavailableError, match="no such call"):
        await client.call("steal", object)
    with pytest.raises(DataError, match="was answered with"):
        await client.call("history", dict, "A", 1)
    await client.close()


def test_values_survive_the_line() -> None:
    order = Order(
        "m1",
        OrderRequest.of("A", 1e-9, tag="ü"),
        OrderStatus.UNKNOWN,
        submitted_at=datetime(2024, 1, 2, tzinfo=UTC),
    )
    raw = RawBar(timestamp="?", asset="A", open=1, high=-1.0, low=-2.0, close=None)
    message = {"n": 1, "is": [order, raw, None, FillBust(fill_id="x"), {"deep": 0.1}]}
    assert from_line(to_line(message)) == message


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"a": {"!": "Bomb"}}', b"\xff"])
def test_a_broken_line_is_refused(line) -> None:
    with pytest.raises(DataError, match="not a message"):
        from_line(line)


def test_an_error_that_is_not_known_counts_as_unavailability() -> None:
    assert isinstance(error_of("SomeError", "text"), VenueUnavailableError)
    assert isinstance(error_of("DataError", "text"), DataError)
