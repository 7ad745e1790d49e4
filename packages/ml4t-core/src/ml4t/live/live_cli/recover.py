"""``ml4t live recover``: a new journal from what the venue says, where the old one is damaged."""

import argparse
import asyncio
import sys
from datetime import datetime
from importlib.metadata import version

import attrs

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.errors import ConfigError, VenueUnavailableError
from ml4t.core.positions import AccountSnapshot
from ml4t.core.venue_events import AccountIdentity
from ml4t.live.clock import SystemClock
from ml4t.live.config import ExecutionMode
from ml4t.live.config_file import LiveFile
from ml4t.live.events import BalanceAdopted
from ml4t.live.journal import JournalOwner, StateDirectory, quarantine, rebuild, verify
from ml4t.live.live_cli.assembly import broker_name, make_broker
from ml4t.live.live_cli.options import add_config, add_state, person, say, settings_of, warn
from ml4t.live.secrets import Secrets

__all__ = ["add_recover", "recover"]


@attrs.frozen(kw_only=True)
class _Truth:
    """What the venue says: the account, its balance, its orders, and when it was asked."""

    identity: AccountIdentity
    snapshot: AccountSnapshot
    orders: tuple[str, ...]
    since: datetime


def add_recover(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live recover``."""
    add_config(parser, required=True)
    add_state(parser)


def recover(args: argparse.Namespace) -> int:
    """Show what the venue says, ask for the account's id, and begin a new journal with it.

    Raises:
        Ml4tError: the journal is sound, an engine runs, or the venue could not be asked.
    """
    file = settings_of(args)
    state = StateDirectory(file.live.state)
    with state.lock(file.live.account):
        _require_damage(state)
        name = broker_name(file, args.broker)
        if file.live.mode is ExecutionMode.SHADOW:
            msg = "a shadow account is nowhere but in its journal: begin with a new state folder"
            raise ConfigError(msg)
        truth = asyncio.run(_truth(make_broker(name, file, Secrets(args.redactor)), file))
        _show(truth)
        if not _confirmed(file.live.account):
            warn("not the account's id: nothing was changed")
            return 1
        clock = SystemClock()
        moved = quarantine(state.journal, clock)
        owner = JournalOwner(
            account_id=file.live.account,
            environment=file.live.mode.environment,
            broker=name,
            app_version=version("ml4t-core"),
        )
        balance = BalanceAdopted(
            cash=truth.snapshot.cash,
            positions=dict(truth.snapshot.positions),
            by=person(),
            since=truth.since,
        )
        made = rebuild(state.journal, owner, clock, balance)
    kept = f"; the old one is kept as {moved}" if moved is not None else ""
    say(f"new journal with {made.rows} rows, head {made.head}{kept}")
    say("the engine comes up halted: start it, look at `ml4t live status`, then rearm")
    return 0


def _require_damage(state: StateDirectory) -> None:
    if state.journal.exists() and verify(state.journal).is_sound:
        msg = f"the journal {state.journal} is sound: there is nothing to recover"
        raise ConfigError(msg)


async def _truth(broker: AsyncBrokerProtocol, file: LiveFile) -> _Truth:
    timing = file.live.timing
    try:
        async with asyncio.timeout(timing.connect):
            await broker.connect()
        try:
            async with asyncio.timeout(timing.snapshot):
                identity = await broker.identity()
                since = SystemClock().now()
                snapshot = await broker.account()
                orders = await broker.open_orders()
        finally:
            await broker.disconnect()
    except TimeoutError as error:
        msg = "the venue did not answer in time"
        raise VenueUnavailableError(msg) from error
    live = file.live
    if identity.account_id != live.account or identity.environment is not live.mode.environment:
        msg = (
            f"the venue says account {identity.account_id}, {identity.environment.value}; the file "
            f"says {live.account}, {live.mode.value}"
        )
        raise ConfigError(msg)
    return _Truth(
        identity=identity,
        snapshot=snapshot,
        orders=tuple(order.id for order in orders),
        since=since,
    )


def _show(truth: _Truth) -> None:
    say(f"account {truth.identity.account_id} ({truth.identity.environment.value})")
    say(f"cash {truth.snapshot.cash:,.2f}, equity {truth.snapshot.equity:,.2f}")
    for symbol, position in sorted(truth.snapshot.positions.items()):
        say(f"position {symbol}: {position.quantity:g} at {position.average_price:g}")
    say(f"open orders: {', '.join(truth.orders) or 'none'}")


def _confirmed(account: str) -> bool:
    sys.stdout.write("This becomes the journal's beginning. Type the account's id to agree: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == account
