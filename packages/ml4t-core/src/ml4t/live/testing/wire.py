"""The client's end of a simulated venue behind a socket: an adapter and a feed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TypeVar

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import DataError, VenueUnavailableError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.positions import AccountSnapshot
from ml4t.core.protocol import PROTOCOL
from ml4t.core.raw_bars import RawBar
from ml4t.core.venue_events import AccountIdentity, ConnectionChange, VenueEvent
from ml4t.live.testing.order_desk import VenueRules
from ml4t.live.testing.wire_codec import error_of, from_line, to_line

__all__ = ["WireBroker", "WireClient", "WireFeed"]

T = TypeVar("T")

_LARGEST = 2**24
_PAUSE = 0.1


class WireClient:
    """One connection to a :class:`~ml4t.live.testing.wire_server.WireServer`, made again if lost.

    Attributes:
        events: the reports that have arrived and were not read.
        bars: the bars that have arrived and were not read.

    Args:
        port: of the server on this machine.
    """

    def __init__(self, port: int) -> None:
        self.events: asyncio.Queue[VenueEvent] = asyncio.Queue()
        self.bars: asyncio.Queue[Bar | RawBar | None] = asyncio.Queue()
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[object]] = {}
        self._count = 0

    async def open(self) -> None:
        """Connect, and stay connected until closed; nothing happens if it is already open.

        Raises:
            VenueUnavailableError: nobody listens.
        """
        if self._reading is None:
            reader = await self._dial()
            self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def close(self) -> None:
        """Disconnect."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        self._hang_up()

    async def call(self, name: str, kind: type[T], *arguments: object) -> T:
        """Make a call and give its answer.

        Raises:
            VenueUnavailableError: there is no connection, or it broke before the answer came.
            DataError: the answer is not a ``kind``.
        """
        if self._writer is None:
            msg = "not connected"
            raise VenueUnavailableError(msg)
        self._count += 1
        number = self._count
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write(to_line({"n": number, "call": name, "arguments": list(arguments)}))
        try:
            result = await answer
        finally:
            self._answers.pop(number, None)
        if not isinstance(result, kind):
            msg = f"{name} was answered with {result!r}"
            raise DataError(msg)
        return result

    async def _dial(self) -> asyncio.StreamReader:
        try:
            reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=_LARGEST
            )
        except OSError as error:
            msg = f"cannot connect to port {self._port}: {error}"
            raise VenueUnavailableError(msg) from error
        return reader

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                while line := await reader.readline():
                    self._take(from_line(line))
            except ConnectionError:
                # The same as the end of the stream.
                pass
            self._hang_up()
            self.events.put_nowait(ConnectionChange(is_up=False, reason="the socket closed"))
            reader = await self._dial_until_answered()
            self.events.put_nowait(ConnectionChange(is_up=True, reason="connected again"))

    async def _dial_until_answered(self) -> asyncio.StreamReader:
        while True:
            try:
                return await self._dial()
            except VenueUnavailableError:
                await asyncio.sleep(_PAUSE)

    def _take(self, message: dict[str, object]) -> None:
        if "event" in message:
            self.events.put_nowait(message["event"])  # type: ignore[arg-type]
        elif "bar" in message:
            self.bars.put_nowait(message["bar"])  # type: ignore[arg-type]
        else:
            number = message["n"]
            answer = self._answers.get(number) if isinstance(number, int) else None
            if answer is None or answer.done():
                return
            if "error" in message:
                answer.set_exception(error_of(str(message["error"]), str(message["text"])))
            else:
                answer.set_result(message["answer"])

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(VenueUnavailableError("the connection broke"))


class WireBroker:
    """An adapter to a venue behind a socket; implements ``AsyncBrokerProtocol``.

    Args:
        client: the connection; a feed may share it.
        capabilities: what the venue accepts; None for those of the simulated one.
    """

    def __init__(self, client: WireClient, capabilities: Capabilities | None = None) -> None:
        self._client = client
        self._capabilities = capabilities or VenueRules().capabilities

    @property
    def protocol(self) -> int:
        """The protocol number that the adapter was written for."""
        return PROTOCOL

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""
        return self._capabilities

    async def connect(self) -> None:
        """Open the session."""
        await self._client.open()
        await self._client.call("connect", object)

    async def disconnect(self) -> None:
        """Close the session; the venue and its working orders stay."""
        await self._client.close()

    async def identity(self) -> AccountIdentity:
        """Which account the session reaches."""
        return await self._client.call("identity", AccountIdentity)

    async def time(self) -> datetime:
        """The venue's clock."""
        return await self._client.call("time", datetime)

    async def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument."""
        return await self._client.call("get_asset", Asset, asset)

    async def account(self) -> AccountSnapshot:
        """Cash, equity and positions."""
        return await self._client.call("account", AccountSnapshot)

    async def open_orders(self) -> Sequence[Order]:
        """Every order that works at the venue."""
        return await self._client.call("open_orders", list)

    async def find_order(self, order_id: str) -> Order | None:
        """An order sent under ``order_id``; None if the venue has none."""
        answer = await self._client.call("find_order", object, order_id)
        return answer if isinstance(answer, Order) else None

    async def fills_since(self, instant: datetime) -> Sequence[Fill]:
        """Every execution at or after ``instant``."""
        return await self._client.call("fills_since", list, instant)

    async def submit(self, order_id: str, request: OrderRequest) -> Order:
        """Send one order under the id that the caller chose."""
        return await self._client.call("submit", Order, order_id, request)

    async def cancel(self, order_id: str) -> None:
        """Ask the venue to cancel."""
        await self._client.call("cancel", object, order_id)

    async def cancel_all(self) -> None:
        """Ask the venue to cancel every order of the account."""
        await self._client.call("cancel_all", object)

    async def replace(self, order_id: str, request: OrderRequest) -> Order:
        """Ask the venue to change a working order."""
        return await self._client.call("replace", Order, order_id, request)

    async def events(self) -> AsyncIterator[VenueEvent]:
        """What the venue reports while this process is connected."""
        while True:
            yield await self._client.events.get()


class WireFeed:
    """A feed behind a socket; implements ``DataFeedProtocol``.

    Args:
        client: the connection; an adapter may share it.
    """

    def __init__(self, client: WireClient) -> None:
        self._client = client

    @property
    def protocol(self) -> int:
        """The protocol number that the feed was written for."""
        return PROTOCOL

    async def subscribe(self, assets: Sequence[str]) -> None:
        """Start to receive bars of these symbols."""
        await self._client.open()
        await self._client.call("subscribe", object, list(assets))

    async def history(self, asset: str, length: int) -> Sequence[Bar]:
        """The last ``length`` complete bars of one symbol, oldest first."""
        await self._client.open()
        return await self._client.call("history", list, asset, length)

    async def bars(self) -> AsyncIterator[Bar | RawBar]:
        """Complete bars as they arrive, until the feed is closed."""
        while (bar := await self._client.bars.get()) is not None:
            yield bar

    async def close(self) -> None:
        """Stop receiving; the connection is the adapter's."""
        self._client.bars.put_nowait(None)
