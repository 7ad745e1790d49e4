"""``ml4t live doctor``: what would stand in the way of a run, looked at before it."""

import argparse
import asyncio
import os
import platform
import stat
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from typing import TypeVar

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.errors import Ml4tError
from ml4t.core.needs import Needs
from ml4t.core.strategy_file import load_strategy, strategy_hash
from ml4t.live.config import ExecutionMode
from ml4t.live.config_file import LiveFile
from ml4t.live.journal import StateDirectory, verify
from ml4t.live.live_cli.assembly import SHADOW, broker_name, make_broker
from ml4t.live.live_cli.findings import Finding, told
from ml4t.live.live_cli.journal_tools import readable
from ml4t.live.live_cli.options import add_config, add_state, say, settings_of
from ml4t.live.live_cli.venue_checks import ask_venue
from ml4t.live.secrets import Redactor, Secrets

__all__ = ["add_doctor", "doctor"]

T = TypeVar("T")


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live doctor``."""
    parser.add_argument(
        "strategy", metavar="STRATEGY", nargs="?", help="also compare what it needs with the venue"
    )
    add_config(parser, required=True)
    add_state(parser)
    parser.add_argument("--offline", action="store_true", help="do not connect to the venue")


def doctor(args: argparse.Namespace) -> int:
    """Print one line for each check; 1 if any failed."""
    findings = [_versions()]
    file = _try(findings, "configuration", lambda: settings_of(args), "mend the file")
    needs = Needs()
    if args.strategy is not None:
        needs = _strategy(args.strategy, findings) or needs
    if file is not None:
        _look_at(args, file, needs, findings)
    redactor: Redactor = args.redactor
    say(redactor(told(findings)))
    return 0 if all(finding.is_ok for finding in findings) else 1


def _look_at(
    args: argparse.Namespace, file: LiveFile, needs: Needs, findings: list[Finding]
) -> None:
    findings.append(_limits(file))
    findings.extend(_state(file))
    name = _try(findings, "broker named", lambda: broker_name(file, args.broker), "name one")
    if name is None or name == SHADOW:
        return
    advice = "install its wheel, and give it what the message asks for"
    broker = _try(
        findings, "broker made", lambda: make_broker(name, file, Secrets(args.redactor)), advice
    )
    if broker is None:
        return
    findings.append(_needs(needs, broker, name))
    if not args.offline:
        findings.extend(asyncio.run(ask_venue(broker, file)))


def _try(findings: list[Finding], check: str, make: Callable[[], T], advice: str) -> T | None:
    """What could be made, or None and a failed check."""
    try:
        made = make()
    except Ml4tError as error:
        findings.append(Finding(check=check, is_ok=False, found=str(error), advice=advice))
        return None
    findings.append(Finding(check=check, is_ok=True, found=made if isinstance(made, str) else "ok"))
    return made


def _versions() -> Finding:
    ours = sorted(
        f"{distribution.name} {distribution.version}"
        for distribution in distributions()
        if (distribution.name or "").startswith("ml4t-")
    )
    return Finding(
        check="versions", is_ok=True, found=f"Python {platform.python_version()}, {', '.join(ours)}"
    )


def _strategy(spec: str, findings: list[Finding]) -> Needs | None:
    strategy = _try(findings, "strategy", lambda: load_strategy(spec), "mend the strategy's file")
    if strategy is None:
        return None
    findings.append(Finding(check="strategy's SHA-256", is_ok=True, found=strategy_hash(spec)))
    return strategy.needs


def _limits(file: LiveFile) -> Finding:
    missing = file.live.risk.missing()
    must = file.live.mode is ExecutionMode.LIVE
    return Finding(
        check="risk limits",
        is_ok=not missing or not must,
        found=f"not set: {', '.join(missing)}" if missing else "all mandatory ones are set",
        advice='set each in [risk] to a number, or to "UNLIMITED" if you mean it',
    )


def _needs(needs: Needs, broker: AsyncBrokerProtocol, name: str) -> Finding:
    missing = needs.missing_in(broker.capabilities)
    return Finding(
        check="what the strategy needs",
        is_ok=not missing,
        found=f"{name} lacks {', '.join(missing)}" if missing else f"{name} offers it",
        advice="use other orders, or another venue",
    )


def _state(file: LiveFile) -> Iterator[Finding]:
    path = file.live.state
    if not path.exists():
        yield Finding(check="state folder", is_ok=True, found=f"{path} will be made at the start")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    private = path.is_dir() and not mode & 0o077 and os.access(path, os.R_OK | os.W_OK | os.X_OK)
    yield Finding(
        check="state folder",
        is_ok=private,
        found=f"{path} has mode {mode:04o}",
        advice=f"it must be a folder that only you can read and write: chmod 700 {path}",
    )
    if not private:
        return
    state = StateDirectory(path)
    holder = state.holder(file.live.account)
    running = "no engine runs" if holder is None else f"process {holder} runs an engine"
    yield Finding(check="engine", is_ok=True, found=running)
    yield Finding(
        check="kill file",
        is_ok=not state.kill.exists(),
        found="not there" if not state.kill.exists() else f"{state.kill} is there",
        advice="find out why it was set; a started engine stays halted until `ml4t live rearm`",
    )
    yield _journal(state)


def _journal(state: StateDirectory) -> Finding:
    if not state.journal.exists():
        return Finding(check="journal", is_ok=True, found="none yet")
    try:
        with readable(state) as path:
            found = verify(path)
    except Ml4tError as error:
        return Finding(check="journal", is_ok=False, found=str(error), advice="see the message")
    text = f"{found.rows} rows, head {found.head[:12]}" if found.is_sound else found.reason
    return Finding(
        check="journal",
        is_ok=found.is_sound,
        found=text,
        advice="keep the file, and rebuild it with `ml4t live recover`",
    )
