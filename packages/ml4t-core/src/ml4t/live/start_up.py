"""From a journal on disk to an engine that may trade, or the reasons why it may not."""

import json
from collections.abc import Mapping
from typing import Protocol

import attrs

from ml4t.core.broker import AsyncBrokerProtocol, BarDrivenBroker, LendingBroker
from ml4t.core.errors import ConfigError, VenueRefusedError, VenueUnavailableError
from ml4t.core.order_requests import Constant
from ml4t.core.orders import OrderStatus
from ml4t.core.positions import AccountSnapshot
from ml4t.core.risk import LiveRiskConfig, TradingState
from ml4t.core.venue_events import Environment
from ml4t.live.account import LiveAccount
from ml4t.live.answers import answer_to
from ml4t.live.clock import Clock
from ml4t.live.config import LiveConfig
from ml4t.live.connection import Connection
from ml4t.live.events import AssetListed, BalanceAdopted, EngineStarted, OrderChanged
from ml4t.live.failpoints import failpoint
from ml4t.live.intake import Intake
from ml4t.live.journal import EventLog
from ml4t.live.kill_switch import KillSwitch
from ml4t.live.reconcile import Reconciler
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.unknown_orders import UnknownOrders
from ml4t.live.watch import Watch

__all__ = ["StartUp", "Startable"]


class Startable(Protocol):
    """The parts of an engine that a start needs."""

    config: LiveConfig
    broker: AsyncBrokerProtocol
    clock: Clock
    journal: EventLog
    account: LiveAccount
    intake: Intake
    safe: SafeBroker
    kill_switch: KillSwitch
    reconciler: Reconciler
    unknown: UnknownOrders
    connection: Connection
    watch: Watch


class StartUp:
    """Brings an engine up: journal, venue, account, orders of unknown fate, comparison.

    Args:
        engine: the engine.

    Attributes:
        reason: why it failed; "" where it did not.
        error: what is wrong with the configuration; None where nothing is.
    """

    def __init__(self, engine: Startable) -> None:
        self.reason = ""
        self.error: ConfigError | None = None
        self._engine = engine
        self._must_kill = False

    @property
    def has_failed(self) -> bool:
        """Whether the engine must not run."""
        return bool(self.reason)

    async def run(self) -> bool:
        """Start; False where the engine must not run, with the reason in the journal."""
        engine = self._engine
        self._read_journal()
        try:
            await self._meet_venue()
            failpoint("start.venue_met")
            if self._must_kill:
                await self._engine.kill_switch.pull(engine.kill_switch.why(), "kill file")
            await self._list_assets()
            failpoint("start.assets_listed")
            await self._open_account()
            failpoint("start.account_opened")
            await self._find_out_about_orders()
            failpoint("start.orders_known")
            is_clean = await engine.reconciler.run(at_once=True)
        except ConfigError as error:
            self.reason, self.error = str(error), error
            return False
        except (VenueUnavailableError, VenueRefusedError) as error:
            self.reason = f"the start failed: {error}"
            engine.account.alert("start", self.reason)
            return False
        failpoint("start.reconciled")
        engine.watch.heard()
        engine.account.relax("starting", "the account was compared with the journal")
        if not is_clean and engine.config.strict:
            self.reason = "; ".join(str(each) for each in engine.reconciler.differences)
            return False
        return True

    def _read_journal(self) -> None:
        engine = self._engine
        account, journal, config = engine.account, engine.journal, engine.config
        account.replay([entry.event for entry in journal.entries()])
        before = dict(account.book.limits)
        owner = journal.owner
        account.commit(
            EngineStarted(
                account_id=owner.account_id,
                environment=owner.environment.value,
                broker=owner.broker,
                app_version=owner.app_version,
                config_hash=config.digest,
                strategy_hash=config.strategy_hash,
                limits=_written(config.risk),
            )
        )
        failpoint("start.recorded")
        account.restrict("starting", TradingState.REDUCING, "the account was not compared yet")
        if before and (looser := config.risk.tightened_only(_read(before))):
            names = ", ".join(looser)
            account.restrict(
                "limits",
                TradingState.REDUCING,
                f"looser than at the last start: {names}; re-arm to confirm",
                latched=True,
            )
        if engine.kill_switch.is_asked_for:
            # Asked for while no engine ran: what works at the venue is not cancelled yet.
            self._must_kill = "kill" not in account.book.causes
            engine.kill_switch.halt(engine.kill_switch.why())

    async def _meet_venue(self) -> None:
        engine, config = self._engine, self._engine.config
        await answer_to(engine.broker.connect(), config.timing.connect)
        failpoint("start.connected")
        found = await answer_to(engine.broker.identity(), config.timing.snapshot)
        if found.account_id != config.account:
            msg = (
                f"account must be the one of the session, {found.account_id!r}, "
                f"was {config.account!r}"
            )
            raise ConfigError(msg)
        if found.environment is not config.mode.environment:
            msg = (
                f"mode {config.mode.name} is for {config.mode.environment.value} money, but "
                f"account {found.account_id} holds {found.environment.value} money"
            )
            raise ConfigError(msg)
        engine.safe.is_connected = True

    async def _list_assets(self) -> None:
        engine = self._engine
        known = engine.account.book.assets
        for symbol in engine.config.assets:
            asset = await answer_to(engine.broker.get_asset(symbol), engine.config.timing.snapshot)
            if known.get(symbol) != asset:
                engine.account.record(AssetListed(asset=asset))
            if isinstance(engine.broker, LendingBroker):
                lent = await answer_to(
                    engine.broker.is_shortable(symbol), engine.config.timing.snapshot
                )
                engine.account.risk.set_shortable(symbol, is_shortable=lent)

    async def _open_account(self) -> None:
        """Take over the balance where the journal has none yet."""
        engine = self._engine
        book = engine.account.book
        if book.ledger is not None:
            if isinstance(engine.broker, BarDrivenBroker):
                engine.broker.take_over(book.ledger.cash, book.ledger.positions)
            return
        snapshot = await answer_to(engine.broker.account(), engine.config.timing.snapshot)
        engine.account.commit(self._balance(snapshot))
        failpoint("start.balance_adopted")

    def _balance(self, snapshot: AccountSnapshot) -> BalanceAdopted:
        """The first balance: positions that nobody adopted stay a difference."""
        engine = self._engine
        adopts = engine.config.adopt or not snapshot.positions
        return BalanceAdopted(
            cash=snapshot.cash,
            positions=dict(snapshot.positions) if adopts else {},
            by="configuration" if engine.config.adopt else "first start",
            since=snapshot.timestamp,
        )

    async def _find_out_about_orders(self) -> None:
        """What was being sent when the program ended last is of unknown fate: ask."""
        engine = self._engine
        is_simulated = engine.config.mode.environment is Environment.SIMULATED
        now = engine.clock.now()
        for order in tuple(engine.account.book.open.values()):
            if is_simulated:
                ended = order.to(OrderStatus.EXPIRED, now, "the simulated venue ended with it")
                engine.account.record(OrderChanged(order=ended, evidence="query"))
            elif order.status in _ON_THEIR_WAY:
                reason = "the program ended while it was being sent"
                unknown = order.to(OrderStatus.UNKNOWN, now, reason)
                engine.account.record(OrderChanged(order=unknown, evidence="time-out"))
        failpoint("start.orders_marked")
        await engine.unknown.ask_now()


_ON_THEIR_WAY = frozenset({OrderStatus.NEW, OrderStatus.PENDING, OrderStatus.HELD})


def _written(config: LiveRiskConfig) -> dict[str, str]:
    """The limits by name, each as JSON, so that they can be read back and compared."""
    values = {field.name: getattr(config, field.name) for field in attrs.fields(LiveRiskConfig)}
    return {name: json.dumps(_plain(value)) for name, value in values.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, frozenset | tuple):
        return sorted(str(each) for each in value)
    return value


def _read(limits: Mapping[str, str]) -> LiveRiskConfig:
    return LiveRiskConfig.of({name: json.loads(text) for name, text in limits.items()})
