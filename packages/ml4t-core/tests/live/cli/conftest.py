"""A folder to trade in, and a broker of an imaginary wheel."""

import logging
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ml4t.core import (
    PROTOCOL,
    AccountIdentity,
    AccountSnapshot,
    Asset,
    Capabilities,
    ConfigError,
    Environment,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Position,
    TimeInForce,
    UnknownAssetError,
    VenueUnavailableError,
)
from ml4t.live import discovery
from ml4t.live.secrets import Secret

CANARY = "canary-5e02-never-shown"

STRATEGY = """
from ml4t.core import Strategy


class Buy(Strategy):
    def on_data(self, timestamp, data, context, broker):
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("SPY", 10)
"""
CONFIG = """
[run]
assets = ["SPY"]
bar_size = "30min"
account = "PA1"
mode = "paper"
state = "state"

[broker]
name = "stub"
"""
SHADOW = """
[run]
assets = ["SPY"]
bar_size = "30min"
state = "state"

[risk]
allowed_assets = ["SPY"]

[calendar]
name = "always"
"""


class Venue:
    """What the imaginary venue holds; tests change it."""

    def __init__(self) -> None:
        self.account_id = "PA1"
        self.environment = Environment.PAPER
        self.orders = ["a", "b"]
        self.stubborn: set[str] = set()
        self.unreachable = 0
        self.skew = timedelta(0)
        self.connections = 0
        self.options: Mapping[str, object] = {}
        self.secret: Secret | None = None
        self.fault: type[Exception] | None = None


class StubBroker:
    """The adapter of the imaginary venue."""

    protocol = PROTOCOL
    venue = Venue()
    capabilities = Capabilities(order_types=[OrderType.MARKET], times_in_force=[TimeInForce.DAY])

    @classmethod
    def from_options(cls, options: Mapping[str, object], secrets: object) -> "StubBroker":
        if "wrong" in options:
            msg = "wrong is no option"
            raise ConfigError(msg)
        cls.venue.options, cls.venue.secret = options, secrets("STUB_KEY")  # type: ignore[operator]
        if cls.venue.fault is not None:
            msg = f"the key was {cls.venue.secret.reveal()}"
            logging.getLogger("some.vendor").error(msg)
            raise cls.venue.fault(msg)
        return cls()

    async def connect(self) -> None:
        self._answer()
        self.venue.connections += 1

    async def disconnect(self) -> None:
        self.venue.connections -= 1

    async def identity(self) -> AccountIdentity:
        return AccountIdentity(account_id=self.venue.account_id, environment=self.venue.environment)

    async def time(self) -> datetime:
        return datetime.now(UTC) + self.venue.skew

    async def get_asset(self, asset: str) -> Asset:
        if asset != "SPY":
            msg = f"the venue does not list {asset!r}"
            raise UnknownAssetError(msg)
        return Asset(symbol=asset)

    async def account(self) -> AccountSnapshot:
        return AccountSnapshot(
            timestamp=datetime.now(UTC),
            cash=1000.0,
            equity=2000.0,
            positions={"SPY": Position("SPY", 10.0, 100.0)},
        )

    async def open_orders(self) -> Sequence[Order]:
        self._answer()
        request = OrderRequest.of("SPY", 1)
        return [Order(name, request, OrderStatus.ACCEPTED) for name in self.venue.orders]

    async def cancel_all(self) -> None:
        self._answer()
        self.venue.orders = [name for name in self.venue.orders if name in self.venue.stubborn]

    async def events(self) -> AsyncIterator[object]:
        return
        yield

    def _answer(self) -> None:
        if self.venue.unreachable > 0:
            self.venue.unreachable -= 1
            msg = "the venue did not answer"
            raise VenueUnavailableError(msg)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a strategy, two configurations, and two hours of bars."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "buy.py").write_text(STRATEGY)
    (tmp_path / "paper.toml").write_text(CONFIG)
    (tmp_path / "shadow.toml").write_text(SHADOW)
    lines = ["timestamp,symbol,open,high,low,close,volume"]
    lines += [f"2026-01-05T0{h}:{m}:00+00:00,SPY,100,101,99,100,500" for h in "12" for m in "03"]
    rows = [line.replace(":3:", ":30:").replace(":0:", ":00:") for line in lines]
    (tmp_path / "bars.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Venue:
    """The imaginary venue, whose wheel is installed as ``stub``."""
    module = ModuleType("a_wheel")
    module.__dict__.update(Stub=StubBroker, Bare=SimpleNamespace(protocol=PROTOCOL))
    monkeypatch.setitem(sys.modules, "a_wheel", module)
    points = [
        EntryPoint("stub", "a_wheel:Stub", discovery.GROUP),
        EntryPoint("bare", "a_wheel:Bare", discovery.GROUP),
    ]
    monkeypatch.setattr(discovery, "entry_points", lambda group: points)
    monkeypatch.setattr(StubBroker, "venue", Venue())
    monkeypatch.setenv("STUB_KEY", CANARY)
    return StubBroker.venue
