"""A simulated venue behind a socket, so that a program can be killed while the venue lives on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

from ml4t.core.bars import Bar
from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.errors import Ml4tError
from ml4t.core.feed import DataFeedProtocol
from ml4t.core.raw_bars import RawBar
from ml4t.core.venue_events import VenueEvent
from ml4t.live.testing.faults import CALLS
from ml4t.live.testing.wire_codec import from_line, to_line

__all__ = ["WireServer"]

_LARGEST = 2**24
_FEED_CALLS = frozenset({"subscribe", "history"})


class WireServer:
    """Serves a broker and a feed on a port of this machine, in lines of JSON.

    A call is answered when the broker answers it; several may be under way. Events and bars go to
    every client that is connected; where none is, they are lost, as the reports of a real venue
    are.

    Args:
        broker: what answers the calls of an adapter.
        feed: what gives the bars; None for none.
    """

    def __init__(self, broker: AsyncBrokerProtocol, feed: DataFeedProtocol | None = None) -> None:
        self._broker = broker
        self._feed = feed
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Begin to serve, and give the port; 0 chooses a free one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=_LARGEST)
        self._spawn(self._pump_events(self._broker.events()))
        if self._feed is not None:
            self._spawn(self._pump_bars(self._feed.bars()))
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop to serve, and break every connection."""
        if self._server is not None:
            self._server.close()
        self.break_connections()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_connections(self) -> None:
        """Cut off every client."""
        for writer in tuple(self._clients):
            writer.close()
        self._clients.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                self._spawn(self._answer(line, writer))
        except ConnectionError:
            # A killed client leaves like this.
            return
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        message = from_line(line)
        try:
            answer = await self._called(str(message["call"]), message["arguments"])
        except Ml4tError as error:
            reply = {"n": message["n"], "error": type(error).__name__, "text": str(error)}
        else:
            reply = {"n": message["n"], "answer": answer}
        _write(writer, reply)

    async def _called(self, name: str, arguments: object) -> object:
        target: object = self._feed if name in _FEED_CALLS else self._broker
        if name not in CALLS | _FEED_CALLS or not isinstance(arguments, list):
            msg = f"no such call: {name!r}"
            raise Ml4tError(msg)
        method: Callable[..., Coroutine[object, object, object]] = getattr(target, name)
        return await method(*arguments)

    async def _pump_events(self, events: AsyncIterator[VenueEvent]) -> None:
        async for event in events:
            self._tell({"event": event})

    async def _pump_bars(self, bars: AsyncIterator[Bar | RawBar]) -> None:
        async for bar in bars:
            self._tell({"bar": bar})

    def _tell(self, message: dict[str, object]) -> None:
        for writer in tuple(self._clients):
            _write(writer, message)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _write(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
    if not writer.is_closing():
        writer.write(to_line(message))
