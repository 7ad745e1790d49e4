"""``ml4t live kill``: no order works any more, whatever the engine is doing."""

import argparse
import asyncio

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.errors import ConfigError, VenueUnavailableError
from ml4t.live.config import ExecutionMode
from ml4t.live.config_file import LiveFile
from ml4t.live.control import ControlError, ask
from ml4t.live.journal import StateDirectory
from ml4t.live.live_cli.assembly import broker_name, make_broker
from ml4t.live.live_cli.options import (
    add_config,
    add_state,
    person,
    positive,
    say,
    settings_of,
    state_of,
    warn,
)
from ml4t.live.secrets import Secrets

__all__ = ["add_kill", "cancel_everything", "kill"]

_PAUSE = 0.5
"""Seconds between two looks at what still works."""


def add_kill(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live kill``."""
    add_config(parser, required=False)
    add_state(parser)
    parser.add_argument("--reason", default="asked to", help="kept in the journal")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=positive,
        default=15.0,
        help="for the engine's answer, and again for the venue to show no order (15)",
    )


def kill(args: argparse.Namespace) -> int:
    """Halt trading and cancel every order; 0 only once the venue shows none.

    Raises:
        Ml4tError: nobody could be asked.
    """
    state = state_of(args)
    reason = args.reason.strip() or "asked to"
    # First of all, since it needs nobody: an engine sees it, and the next one comes up halted.
    state.kill.write_text(f"{reason} (by {person()})\n", encoding="utf-8")
    try:
        told = ask(state.socket, "kill", {"by": person(), "reason": reason}, timeout=args.wait)
    except ConnectionRefusedError:
        say(f"no engine answers in {state.path}: the kill file is set, asking the venue itself")
    except ControlError as error:
        warn(f"{error}; asking the venue itself")
    else:
        if isinstance(told, dict) and told.get("verified") is not None:
            say(f"the engine halted and the venue shows no order: {told['asked']} were cancelled")
            return 0
        warn("the engine halted, but could not see that nothing works; asking the venue itself")
    return _without_engine(args, state)


def _without_engine(args: argparse.Namespace, state: StateDirectory) -> int:
    if args.config is None:
        msg = (
            f"orders may still work at the venue: give --config FILE.toml, so that they can be "
            f"cancelled without an engine (the kill file {state.kill} stays)"
        )
        raise ConfigError(msg)
    file = settings_of(args)
    if file.live.mode is ExecutionMode.SHADOW:
        say("a shadow account has no orders outside of its engine")
        return 0
    name = broker_name(file, args.broker)
    broker = make_broker(name, file, Secrets(args.redactor))
    left = asyncio.run(cancel_everything(broker, file, args.wait))
    if left:
        warn(f"{len(left)} orders still work: {', '.join(left)}. Call the broker")
        return 1
    say(f"account {file.live.account} has no open order")
    return 0


async def cancel_everything(
    broker: AsyncBrokerProtocol, file: LiveFile, patience: float
) -> list[str]:
    """Cancel every order of the account and look until none is left.

    Args:
        broker: not connected yet.
        file: names the account, which must be the one that the broker reaches.
        patience: for how many seconds to look.

    Returns:
        The ids of the orders that still work then.

    Raises:
        ConfigError: the broker reaches another account.
        VenueUnavailableError: the venue could not be asked.
    """
    timing = file.live.timing
    try:
        async with asyncio.timeout(timing.connect):
            await broker.connect()
    except TimeoutError as error:
        msg = f"the venue did not open a session within {timing.connect:g} s"
        raise VenueUnavailableError(msg) from error
    try:
        identity = await broker.identity()
        if identity.account_id != file.live.account:
            msg = f"the broker reaches account {identity.account_id}, not {file.live.account}"
            raise ConfigError(msg)
        return await _cancel_until_none(broker, patience, timing.snapshot)
    finally:
        await broker.disconnect()


async def _cancel_until_none(
    broker: AsyncBrokerProtocol, patience: float, snapshot: float
) -> list[str]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            async with asyncio.timeout(snapshot):
                await broker.cancel_all()
                left = [order.id for order in await broker.open_orders()]
        except (VenueUnavailableError, TimeoutError) as error:
            # Cancelling once more does no harm, unlike most things that can be sent again.
            if loop.time() >= deadline:
                msg = f"the venue could not be asked whether orders still work: {error}"
                raise VenueUnavailableError(msg) from error
            left = ["unknown"]
        if not left or loop.time() >= deadline:
            return left
        await asyncio.sleep(_PAUSE)
