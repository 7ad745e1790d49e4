"""The subcommands of ``ml4t live``, their help, and ``ml4t replay``."""

import argparse
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

import attrs

from ml4t.core.errors import Ml4tError
from ml4t.live.live_cli import (
    doctor,
    journal_tools,
    kill,
    recorded_run,
    recover,
    remote,
    run,
    selfcheck,
)
from ml4t.live.logs import LogConfig, Logs
from ml4t.live.secrets import Redactor

__all__ = ["COMMANDS", "main", "replay"]

_REFUSED = 1
_QUIET = LogConfig(level="WARNING")
_WITH_OWN_LOGS = (run.run,)


@attrs.frozen(kw_only=True)
class _Subcommand:
    """One subcommand: its arguments, what it does, and what its help says."""

    add: Callable[[argparse.ArgumentParser], None]
    do: Callable[[argparse.Namespace], int]
    summary: str
    text: str
    examples: tuple[str, ...]


COMMANDS: Mapping[str, _Subcommand] = {
    "run": _Subcommand(
        add=run.add_run,
        do=run.run,
        summary="run a strategy: in shadow, on paper or live",
        text="""Run a strategy on live bars until it is stopped.

Nothing is sent anywhere unless the file or --mode says paper or live: in shadow, which is the
default, orders fill in a simulated venue against the live bars. Live trading also needs the account
repeated as confirm_account, and each mandatory limit as a number or UNLIMITED.

One engine runs for one account. SIGINT (Ctrl-C) and SIGTERM stop it in order, the second one ends
the process at once and leaves working orders at the venue. SIGUSR1 kills trading: `ml4t live kill`.

Exit status: 0 ended in order, 1 refused or failed, 2 wrong usage, 130 ended at once.""",
        examples=(
            "ml4t live run momentum.py --config paper.toml --broker alpaca --mode shadow",
            "ml4t live run momentum.py --config paper.toml --broker shadow --replay bars.csv",
            "ml4t live run momentum.py --config live.toml --mode live --log-file run.jsonl",
        ),
    ),
    "record": _Subcommand(
        add=run.add_record,
        do=run.run,
        summary="run a strategy and record all that it sees and does",
        text="""Run a strategy as `ml4t live run` does, and record it.

The recording holds every bar that the strategy was shown, everything it was told and every call it
made, with the answers. `ml4t replay` goes through it afterwards. It begins with the run: the file
must be a new one.""",
        examples=("ml4t live record momentum.py --config paper.toml --record monday.rec",),
    ),
    "status": _Subcommand(
        add=remote.add_status,
        do=remote.status,
        summary="how a running engine stands",
        text="""Print what trading is restricted to and why, positions, orders, money and limits.

Exit status: 0 an engine runs, 3 none runs, 1 it did not answer.""",
        examples=("ml4t live status --state ml4t-state", "ml4t live status --json"),
    ),
    "kill": _Subcommand(
        add=kill.add_kill,
        do=kill.kill,
        summary="halt trading and cancel every order, engine or not",
        text="""Halt trading and cancel every order of the account, those of other programs too.

The kill file is set first of all: a running engine sees it, and one that is started later comes up
halted. Then the engine is asked, and if it does not answer, the venue itself, which needs --config.
Positions stay; `ml4t live flatten` closes them. Trading goes on only after `ml4t live rearm`.

Exit status: 0 only when the venue shows no open order.""",
        examples=(
            'ml4t live kill --config live.toml --reason "wrong prices"',
            "touch ml4t-state/KILL   # does the same where an engine runs",
        ),
    ),
    "rearm": _Subcommand(
        add=remote.add_rearm,
        do=remote.command,
        summary="let a halted engine trade again",
        text="""Take away what only a person takes away: a kill, a loss limit, a strategy's errors.

What is not over, such as a lost connection, keeps trading restricted all the same. The reason is
kept in the journal.""",
        examples=('ml4t live rearm --reason "prices were corrected, positions compared"',),
    ),
    "flatten": _Subcommand(
        add=remote.add_config_and_state,
        do=remote.command,
        summary="close every position",
        text="""Cancel what works and close every position at market, also in a halted engine.""",
        examples=("ml4t live flatten --config live.toml",),
    ),
    "adopt": _Subcommand(
        add=remote.add_config_and_state,
        do=remote.command,
        summary="take over positions that the journal does not know",
        text="""Take over what the account holds, where it differs from the journal.

`ml4t live status` shows the difference. Find out where it comes from before you agree to it.""",
        examples=("ml4t live adopt --state ml4t-state",),
    ),
    "stop": _Subcommand(
        add=remote.add_stop,
        do=remote.command,
        summary="end a running engine in order",
        text="""End a running engine as SIGTERM does.""",
        examples=('ml4t live stop --reason "update of the machine"',),
    ),
    "doctor": _Subcommand(
        add=doctor.add_doctor,
        do=doctor.doctor,
        summary="look for what would stand in the way of a run",
        text="""Look at versions, configuration, limits, state folder, journal, account and clocks.

One line for each check, with what to do where it failed. It connects to the venue unless --offline
says otherwise, and sends no order.

Exit status: 0 everything is in order, 1 something is not.""",
        examples=("ml4t live doctor momentum.py --config live.toml",),
    ),
    "selfcheck": _Subcommand(
        add=selfcheck.add_selfcheck,
        do=selfcheck.selfcheck,
        summary="list every risk control and its limits",
        text="""List the 31 controls, what each does, and the value that each of its limits has.

Exit status: 1 if a limit is missing that live trading needs.""",
        examples=("ml4t live selfcheck --config live.toml",),
    ),
    "journal": _Subcommand(
        add=journal_tools.add_journal,
        do=journal_tools.journal,
        summary="read, examine or export the journal",
        text="""Print the last entries of the journal, one line of JSON each.

Where an engine runs, it makes a copy to read. Exit status of --verify: 1 if it is damaged.""",
        examples=(
            "ml4t live journal --tail 5 --kind OrderDenied",
            "ml4t live journal --verify",
            "ml4t live journal --jsonl journal.jsonl",
        ),
    ),
    "recover": _Subcommand(
        add=recover.add_recover,
        do=recover.recover,
        summary="begin a new journal where the old one is damaged",
        text="""Rebuild a damaged journal from what the venue says.

The account's positions and cash are shown, and taken over once you type the account's id. The
damaged file is kept. The engine comes up halted afterwards.""",
        examples=("ml4t live recover --config live.toml",),
    ),
}


def main(arguments: Sequence[str]) -> int:
    """Trade a strategy in shadow, on paper or live, and look after it."""
    return _run(_parser(), arguments, "ml4t live")


def replay(arguments: Sequence[str]) -> int:
    """Check a recorded run: the same decisions again, and its fills against a simulation."""
    parser = argparse.ArgumentParser(
        prog="ml4t replay",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=recorded_run.TEXT,
        epilog=f"example:\n  {recorded_run.EXAMPLE}",
    )
    recorded_run.add_replay(parser)
    parser.set_defaults(do=recorded_run.replay)
    return _run(parser, arguments, "ml4t replay")


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str], name: str) -> int:
    try:
        args = parser.parse_args(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    redactor = args.redactor = Redactor()
    try:
        with nullcontext() if args.do in _WITH_OWN_LOGS else Logs(_QUIET, redactor):
            status: int = args.do(args)
    except (Ml4tError, OSError) as error:
        sys.stderr.write(redactor(f"{name}: {error}\n"))
        return _REFUSED
    except Exception:  # noqa: BLE001 - the outermost place: a traceback may show a secret
        sys.stderr.write(redactor(traceback.format_exc()))
        return _REFUSED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ml4t live",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Trade a strategy in shadow, on paper or live, and look after it.",
        epilog="""Begin in shadow, which sends nothing:
  ml4t live run momentum.py --config paper.toml --broker alpaca

When something is wrong, and whatever state the engine is in:
  ml4t live kill --config live.toml

`ml4t live COMMAND --help` explains one.""",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, known in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=known.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            description=known.text,
            epilog="\n".join(["examples:", *(f"  {line}" for line in known.examples)]),
        )
        known.add(one)
        one.set_defaults(do=known.do)
    return parser
