"""Broker, feed and calendar of a run, made of what its file says."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Protocol, cast

import attrs

from ml4t.core.assets import Asset
from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.calendar import AlwaysOpen, TradingCalendar
from ml4t.core.errors import ConfigError
from ml4t.core.exchange_sessions import ExchangeSessions
from ml4t.core.feed import DataFeedProtocol
from ml4t.core.protocol import check_protocol
from ml4t.live.bars import ReplayFeed
from ml4t.live.clock import BarClock, Clock
from ml4t.live.config import ExecutionMode
from ml4t.live.config_file import LiveFile
from ml4t.live.discovery import find_broker
from ml4t.live.live_cli.bar_file import read_bars
from ml4t.live.secrets import Secret
from ml4t.live.shadow import ShadowBroker

__all__ = ["SHADOW", "Assembly", "Replay", "SecretSource", "assemble", "broker_name", "make_broker"]

SHADOW = "shadow"
"""The broker that needs no wheel: the simulated venue."""

_BEFORE = timedelta(seconds=1)

SecretSource = Callable[[str], Secret]


class _BrokerClass(Protocol):
    """What the class behind an entry point of ``ml4t.brokers`` offers."""

    def from_options(
        self, options: Mapping[str, object], secrets: SecretSource
    ) -> AsyncBrokerProtocol:
        """A class method: the broker, not connected yet."""


@attrs.frozen(kw_only=True)
class Replay:
    """Recorded bars in the place of a feed.

    Attributes:
        path: of the CSV file.
        speed: how many times faster than the market; None does not wait.
    """

    path: Path
    speed: float | None = None


@attrs.frozen(kw_only=True)
class Assembly:
    """What an engine is given.

    Attributes:
        broker: where orders go.
        feed: where bars come from.
        calendar: the sessions of the market.
        venue: the broker of the wheel, whose venue the strategy is meant for; in shadow not the
            one that orders go to. None where there is none.
        clock: the time of the run, which is that of the bars where they are recorded ones.
    """

    broker: AsyncBrokerProtocol
    feed: DataFeedProtocol
    calendar: TradingCalendar
    venue: AsyncBrokerProtocol | None
    clock: Clock


def broker_name(file: LiveFile, named: str | None) -> str:
    """The broker that the command line or the file names.

    Raises:
        ConfigError: neither does, or they name different ones; or it cannot trade in this mode.
    """
    if named and file.broker and named not in {file.broker, SHADOW}:
        msg = (
            f"--broker {named} and [broker] name = {file.broker!r} differ: the options are not its"
        )
        raise ConfigError(msg)
    name = named or file.broker or (SHADOW if file.live.mode is ExecutionMode.SHADOW else "")
    if not name:
        msg = "no broker is named: give --broker NAME, or write it into the file as [broker] name"
        raise ConfigError(msg)
    if name == SHADOW and file.live.mode is not ExecutionMode.SHADOW:
        msg = f"the broker shadow sends nothing: mode {file.live.mode.value} needs another one"
        raise ConfigError(msg)
    return name


def make_broker(name: str, file: LiveFile, secrets: SecretSource) -> AsyncBrokerProtocol:
    """The broker of an installed wheel, not connected yet.

    Raises:
        ConfigError: no wheel offers it, it cannot be made from a file, or its options are wrong.
        ProtocolError: it was written for another protocol number.
    """
    cls = find_broker(name)
    if not callable(getattr(cls, "from_options", None)):
        msg = f"the broker {name!r} cannot be made from a file: upgrade its package"
        raise ConfigError(msg)
    return cast("_BrokerClass", cls).from_options(file.options, secrets)


def assemble(
    name: str, file: LiveFile, secrets: SecretSource, clock: Clock, replay: Replay | None = None
) -> Assembly:
    """Everything that an engine is given.

    Raises:
        ConfigError: the parts do not fit together, or one cannot be made.
        DataError: the recorded bars cannot be read.
    """
    live = file.live
    if replay is not None and live.mode is not ExecutionMode.SHADOW:
        msg = f"recorded bars are played in shadow only, the mode is {live.mode.value}"
        raise ConfigError(msg)
    venue = None if name == SHADOW else make_broker(name, file, secrets)
    calendar = _calendar(file.calendar, venue)
    if replay is not None:
        bars = read_bars(replay.path)
        feed: DataFeedProtocol = ReplayFeed(
            bars, clock=clock, speed=replay.speed, warmup=live.warmup
        )
        # The run lives in the time of its bars, whatever the pace at which they are played.
        clock = BarClock(min(bar.timestamp for bar in bars) - _BEFORE)
    else:
        feed = _feed(name, venue, file)
    broker = venue
    if broker is None or live.mode is ExecutionMode.SHADOW:
        broker = ShadowBroker(
            file.shadow.cash,
            [Asset(symbol=symbol) for symbol in live.assets],
            file.shadow.market,
            clock=clock,
            calendar=calendar,
            account_id=live.account,
            daily=live.bar_size is None,
        )
    return Assembly(broker=broker, feed=feed, calendar=calendar, venue=venue, clock=clock)


def _feed(name: str, venue: AsyncBrokerProtocol | None, file: LiveFile) -> DataFeedProtocol:
    make = getattr(venue, "feed", None)
    if not callable(make):
        msg = (
            f"the broker {name!r} brings no bars: name another one, whose bars shadow trading can "
            "use too, or play recorded ones with --replay BARS.csv"
        )
        raise ConfigError(msg)
    feed = make(file.feed)
    check_protocol(feed)
    return cast("DataFeedProtocol", feed)


def _calendar(name: str, venue: AsyncBrokerProtocol | None) -> TradingCalendar:
    if name == "always":
        return AlwaysOpen()
    if name:
        return ExchangeSessions(name)
    make = getattr(venue, "calendar", None)
    return cast("TradingCalendar", make()) if callable(make) else AlwaysOpen()
