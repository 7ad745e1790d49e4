"""The same workloads in other libraries' released versions, each in an environment of its own."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from benchmarks.children import ROOT, answer_of
from benchmarks.measure import Figures
from benchmarks.records import PeerRow

__all__ = ["CONTESTS", "Contest", "held"]

SCRIPTS = Path(__file__).with_name("peers")
PYTHON = "ML4T_PEER_PYTHON"
"""The environment variable that names a Python 3.12 or newer where uv finds none itself."""

OURS = "ml4t-backtest, this one"
_PATIENCE = 1200  # seconds
_NEWER = re.compile(r'requires-python = ">=3\.1[2-9]"')


@attrs.frozen(kw_only=True)
class Contest:
    """One workload at one size, and who takes part.

    Attributes:
        workload: its name.
        size: how many instants.
        peers: the libraries and their scripts.
        compared: the count that must be the same, or as good as.
        tolerance: by what share the count may differ, and the final value by a thousandth of it.
    """

    workload: str
    size: int
    peers: Mapping[str, str]
    compared: str
    tolerance: float


CONTESTS = (
    Contest(
        workload="crossover",
        size=1_000_000,
        peers={"backtesting.py": "run_backtesting.py", "vectorbt": "run_vectorbt.py"},
        compared="trades",
        tolerance=0.0,
    ),
    Contest(
        workload="crossover",
        size=200_000,
        peers={
            "ml4t-backtest": "run_ml4t_backtest.py",
            "nautilus_trader": "run_nautilus.py",
            "akquant": "run_akquant.py",
            "backtrader": "run_backtrader.py",
        },
        compared="trades",
        tolerance=0.0,
    ),
    Contest(
        workload="long-short",
        size=5040,
        peers={
            "ml4t-backtest": "run_ml4t_backtest.py",
            "vectorbt": "run_vectorbt.py",
            "bt": "run_bt.py",
        },
        compared="fills",
        tolerance=0.05,
    ),
)


class PeerError(Exception):
    """A library could not be installed or run; the message says why in one line."""


@attrs.frozen
class _Answer:
    figures: Figures
    version: str
    python: str


def held(contest: Contest, repeat: int) -> list[PeerRow]:
    """Run everybody in turn, ``repeat`` times, and put the medians into rows, ours first."""
    answers: dict[str, list[_Answer]] = {OURS: []}
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        size = f"size={contest.size}"
        answer_of("-m", "benchmarks", "write", contest.workload, folder, size)
        for turn in range(repeat):
            answers[OURS].append(_ours(contest.workload, folder))
            for library, script in contest.peers.items():
                if library in skipped:
                    continue
                print(f"{contest.workload}, turn {turn + 1}: {library}", file=sys.stderr)
                try:
                    answer = _theirs(SCRIPTS / script, contest.workload, folder)
                except PeerError as error:
                    skipped[library] = str(error)
                else:
                    answers.setdefault(library, []).append(answer)
    ours = _medians(answers[OURS])
    return [
        _row(contest, library, answers.get(library, []), skipped.get(library), ours)
        for library in (OURS, *contest.peers)
    ]


def _row(
    contest: Contest,
    library: str,
    answers: Sequence[_Answer],
    skipped: str | None,
    ours: Figures,
) -> PeerRow:
    row = PeerRow(library=library, workload=contest.workload, size=contest.size)
    if skipped is not None:
        row["skipped"] = skipped
        return row
    figures = _medians(answers)
    row["version"], row["python"] = answers[0].version, answers[0].python
    row["figures"] = figures
    row["ratio"] = figures["run_cpu"] / ours["run_cpu"]
    row["agrees"] = _agreement(contest, figures, ours, is_ours=library == OURS)
    return row


def _agreement(contest: Contest, figures: Figures, ours: Figures, *, is_ours: bool) -> str:
    counted = contest.compared
    what = "round trips" if counted == "trades" else "fills"
    found = f"{figures[counted]:,.0f} {what}, {figures['final']:,.2f}"
    if is_ours:
        return found
    count = abs(figures[counted] / ours[counted] - 1)
    value = abs(figures["final"] / ours["final"] - 1)
    agrees = count <= contest.tolerance and value <= contest.tolerance / 1000
    return f"{'yes' if agrees else 'NO'}: {found}"


def _medians(answers: Sequence[_Answer]) -> Figures:
    first = answers[0].figures
    return {name: statistics.median(a.figures[name] for a in answers) for name in first}


def _ours(workload: str, folder: str) -> _Answer:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    script = str(SCRIPTS / "run_ours.py")
    return _asked([sys.executable, script, workload, folder], {**os.environ, "PYTHONPATH": path})


def _theirs(script: Path, workload: str, folder: str) -> _Answer:
    uv = os.environ.get("UV", "uv")
    newer = os.environ.get(PYTHON)
    chosen = ["--python", newer] if newer and _NEWER.search(script.read_text()) else []
    # What leads to our packages leads to packages of the same name for one of them.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [uv, "run", "--quiet", *chosen, "--script", str(script), workload, folder]
    return _asked(command, clean)


def _asked(command: Sequence[str], environment: Mapping[str, str]) -> _Answer:
    """The answer of a script.

    Raises:
        PeerError: it failed or took too long.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own scripts
            command,
            env=dict(environment),
            capture_output=True,
            check=False,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        msg = f"not done after {_PATIENCE} s"
        raise PeerError(msg) from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise PeerError(lines[-1] if lines else f"ended with {done.returncode}")
    answer: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    version, python = str(answer.pop("version")), str(answer.pop("python"))
    return _Answer({name: float(value) for name, value in answer.items()}, version, python)
