"""``ml4t live run`` and ``record``: the process around an engine."""

import argparse
import asyncio
import hmac
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.needs import require_needs
from ml4t.core.strategy import Strategy
from ml4t.core.strategy_file import load_strategy, strategy_hash
from ml4t.live.clock import SystemClock
from ml4t.live.config_file import LiveFile
from ml4t.live.control import ControlServer
from ml4t.live.journal import (
    Journal,
    JournalDamagedError,
    JournalOwner,
    StateDirectory,
    import_risk_state,
    quarantine,
)
from ml4t.live.live_cli.assembly import Assembly, Replay, assemble, broker_name
from ml4t.live.live_cli.engine import EngineParts, RunningEngine, make_engine
from ml4t.live.live_cli.options import add_config, add_state, positive, say, settings_of
from ml4t.live.live_cli.signals import Signals
from ml4t.live.logs import LogConfig, Logs, LogStyle
from ml4t.live.recording import Recorder
from ml4t.live.secrets import Redactor, Secrets

__all__ = ["add_record", "add_run", "run"]


_STRATEGY = "FILE.py, FILE.py:Class or module:Class; made without arguments. It is code: read it"

EngineMaker = Callable[[EngineParts], RunningEngine]


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live run``."""
    _add_arguments(parser, must_record=False)


def _add_arguments(parser: argparse.ArgumentParser, *, must_record: bool) -> None:
    parser.add_argument("strategy", metavar="STRATEGY", help=_STRATEGY)
    add_config(parser, required=True)
    add_state(parser)
    parser.add_argument(
        "--replay",
        metavar="BARS.csv",
        type=Path,
        help="in shadow: play recorded bars instead of the broker's",
    )
    parser.add_argument(
        "--speed",
        metavar="FACTOR",
        type=positive,
        help="of the replay: 1 keeps the market's pace, 60 plays an hour in a minute "
        "(left out: no waiting)",
    )
    parser.add_argument(
        "--record",
        metavar="FILE",
        type=Path,
        required=must_record,
        help="write all that the strategy sees and does into a new file, for `ml4t replay`",
    )
    parser.add_argument(
        "--require-hash",
        metavar="SHA256",
        help="refuse to start if the strategy's file has another one, as `sha256sum` tells it",
    )
    _add_logging(parser)


def add_record(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live record``."""
    _add_arguments(parser, must_record=True)


def _add_logging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"]
    )
    parser.add_argument(
        "--log-json", action="store_true", help="lines of JSON on standard error instead of text"
    )
    parser.add_argument(
        "--log-file", metavar="FILE", type=Path, help="keep lines of JSON there too, five files"
    )


def run(args: argparse.Namespace, *, maker: EngineMaker = make_engine) -> int:
    """Run a strategy until it is stopped; gives the engine's exit status.

    Raises:
        Ml4tError: it cannot be started.
    """
    redactor: Redactor = args.redactor
    file = settings_of(args)
    replay_of = None if args.replay is None else Replay(path=args.replay, speed=args.speed)
    if replay_of is None and args.speed is not None:
        msg = "--speed belongs to --replay"
        raise ConfigError(msg)
    with Logs(_log_config(args), redactor):
        strategy, digest = _strategy(args.strategy, args.require_hash)
        name = broker_name(file, args.broker)
        assembly = assemble(name, file, Secrets(redactor), SystemClock(), replay_of)
        _check_needs(strategy, args.strategy, assembly)
        state = StateDirectory(file.live.state)
        with (
            state.lock(file.live.account),
            _journal(state, file, name) as journal,
            _recorder(args.record, assembly, file) as recorder,
        ):
            parts = EngineParts(
                strategy=strategy,
                config=attrs.evolve(file.live, strategy_hash=digest),
                assembly=assembly,
                journal=journal,
                state=state,
                clock=assembly.clock,
                recorder=recorder,
                redact=redactor,
            )
            say(f"{file.live.mode.value} on account {file.live.account}, broker {name}")
            return asyncio.run(_serve(parts, maker, journal.snapshot_to))


async def _serve(
    parts: EngineParts, maker: EngineMaker, snapshot: Callable[[Path], object] | None = None
) -> int:
    """Run an engine that signals and the control socket reach."""
    engine = maker(parts)
    async with AsyncExitStack() as stack:
        stack.enter_context(Signals(engine))
        if parts.state is not None:
            server = ControlServer(engine, parts.state.socket, snapshot=snapshot)
            await stack.enter_async_context(server)
        return await engine.run()


@contextmanager
def _recorder(path: Path | None, assembly: Assembly, file: LiveFile) -> Iterator[Recorder | None]:
    """What records the run, where that is wished; it leaves no file if the run never began."""
    if path is None:
        yield None
        return
    recorder = Recorder(path, assembly.clock, file.shadow)
    try:
        yield recorder
    finally:
        recorder.close()


def _strategy(spec: str, wanted: str | None) -> tuple[Strategy, str]:
    """The strategy and the hash of its file, which is looked at before the file is run."""
    digest = strategy_hash(spec)
    if wanted is not None and not hmac.compare_digest(digest, wanted.strip().lower()):
        msg = f"{spec} has SHA-256 {digest}, --require-hash asks for {wanted}: it was changed"
        raise ConfigError(msg)
    return load_strategy(spec), digest


def _check_needs(strategy: Strategy, spec: str, assembly: Assembly) -> None:
    for broker in (assembly.venue, assembly.broker):
        if broker is not None:
            name = type(broker).__name__
            require_needs(strategy.needs, broker.capabilities, strategy=spec, name=name)


def _owner(file: LiveFile, broker: str) -> JournalOwner:
    return JournalOwner(
        account_id=file.live.account,
        environment=file.live.mode.environment,
        broker=broker,
        app_version=version("ml4t-core"),
    )


@contextmanager
def _journal(state: StateDirectory, file: LiveFile, broker: str) -> Iterator[Journal]:
    """The journal of the account, examined; one that is damaged is put aside."""
    clock = SystemClock()
    try:
        journal = Journal.open(state.journal, _owner(file, broker), clock)
    except JournalDamagedError as error:
        moved = quarantine(state.journal, clock)
        where = f"; it was put aside as {moved}" if moved is not None else ""
        msg = (
            f"{error}{where}. Nothing trades until it is rebuilt from what the venue says: "
            "`ml4t live recover` with the same --config"
        )
        raise type(error)(msg) from error
    try:
        # A kill switch that was set under an older program is still set.
        if (cause := import_risk_state(journal, state.legacy_risk_state)) is not None:
            say(f"taken over from {state.legacy_risk_state}: {cause.reason}")
        yield journal
    finally:
        journal.close()


def _log_config(args: argparse.Namespace) -> LogConfig:
    return LogConfig(
        level=args.log_level,
        style=LogStyle.JSON if args.log_json else LogStyle.HUMAN,
        file=args.log_file,
    )
