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
_UV = (os.environ.get("UV", "uv"), "run", "--quiet")
_PACKAGES = ("ml4t-core", "ml4t-backtest")
_NEWER = re.compile(r'requires-python = ">=3\.1[2-9]"')


@attrs.frozen(kw_only=True)
class Contest:
    """One workload at one size, and who takes part.

    Attributes:
        workload: its name.
        size: how many instants.
        peers: the libraries and their scripts.
        compared: the count that must agree.
        count_tolerance: by what share it may differ.
        value_tolerance: by what share the final value may differ.
    """

    workload: str
    size: int
    peers: Mapping[str, str]
    compared: str
    count_tolerance: float = 0.0
    value_tolerance: float = 0.0


CONTESTS = (
    Contest(
        workload="crossover",
        size=1_000_000,
        peers={"backtesting.py": "run_backtesting.py", "vectorbt": "run_vectorbt.py"},
        compared="trades",
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
        count_tolerance=0.02,
        value_tolerance=1e-4,
    ),
)


class PeerError(Exception):
    """A library could not be installed or run; the message says why in one line."""


@attrs.frozen
class _Answer:
    figures: Figures
    version: str
    python: str


@attrs.frozen
class _Entrant:
    """Who takes part: a name, the command that measures it, and whether its Python is the newer."""

    library: str
    command: tuple[str, ...]
    newer: bool = False


def held(contest: Contest, repeat: int) -> list[PeerRow]:
    """Run everybody in turn, ``repeat`` times, and put the medians into rows, ours first."""
    entrants = _entrants(contest)
    answers: dict[_Entrant, list[_Answer]] = {entrant: [] for entrant in entrants}
    skipped: dict[_Entrant, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        size = f"size={contest.size}"
        answer_of("-m", "benchmarks", "write", contest.workload, folder, size)
        for turn in range(repeat):
            for entrant in entrants:
                if entrant in skipped:
                    continue
                print(f"{contest.workload}, turn {turn + 1}: {entrant.library}", file=sys.stderr)
                try:
                    answers[entrant].append(_asked(entrant, contest.workload, folder))
                except PeerError as error:
                    skipped[entrant] = str(error)
    rows = []
    for entrant in entrants:
        row = PeerRow(library=entrant.library, workload=contest.workload, size=contest.size)
        if entrant in skipped:
            row["skipped"] = skipped[entrant]
        else:
            # The newer Python is the faster one: whoever needs it is held against ours on it.
            same = next(e for e in entrants if e.library == OURS and e.newer == entrant.newer)
            ours = same if same not in skipped else entrants[0]
            _fill(row, contest, answers[entrant], _medians(answers[ours]))
        rows.append(row)
    return rows


def _entrants(contest: Contest) -> list[_Entrant]:
    """Ours on the Python of the project, ours on the newer one if anybody needs it, the others."""
    script = str(SCRIPTS / "run_ours.py")
    peers = [_peer(library, SCRIPTS / name) for library, name in contest.peers.items()]
    entrants = [_Entrant(OURS, (sys.executable, script))]
    if any(peer.newer for peer in peers):
        packages = [f"--with-editable={ROOT / 'packages' / name}" for name in _PACKAGES]
        python = os.environ.get(PYTHON, ">=3.12")
        command = (*_UV, "--no-project", "--python", python, *packages, script)
        entrants.append(_Entrant(OURS, command, newer=True))
    return entrants + peers


def _peer(library: str, script: Path) -> _Entrant:
    newer = bool(_NEWER.search(script.read_text()))
    named = os.environ.get(PYTHON)
    python = ("--python", named) if newer and named else ()
    return _Entrant(library, (*_UV, *python, "--script", str(script)), newer)


def _fill(row: PeerRow, contest: Contest, answers: Sequence[_Answer], ours: Figures) -> None:
    figures = _medians(answers)
    row["version"], row["python"] = answers[0].version, answers[0].python
    row["figures"] = figures
    row["ratio"] = figures["run_cpu"] / ours["run_cpu"]
    row["agrees"] = _agreement(contest, figures, ours, is_ours=row["library"] == OURS)


def _agreement(contest: Contest, figures: Figures, ours: Figures, *, is_ours: bool) -> str:
    counted = contest.compared
    what = "round trips" if counted == "trades" else "fills"
    found = f"{figures[counted]:,.0f} {what}, {figures['final']:,.2f}"
    if is_ours:
        return found
    count = abs(figures[counted] / ours[counted] - 1)
    value = abs(figures["final"] / ours["final"] - 1)
    agrees = count <= contest.count_tolerance and value <= contest.value_tolerance
    return f"{'yes' if agrees else 'NO'}: {found}"


def _medians(answers: Sequence[_Answer]) -> Figures:
    first = answers[0].figures
    return {name: statistics.median(a.figures[name] for a in answers) for name in first}


def _asked(entrant: _Entrant, workload: str, folder: str) -> _Answer:
    """What the script of an entrant answers.

    Raises:
        PeerError: it failed or took too long.
    """
    # What leads to our packages leads to packages of the same name for one of the others.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if entrant.library == OURS:
        path = None if entrant.newer else os.environ.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), path]))
    try:
        done = subprocess.run(  # noqa: S603 - our own scripts
            [*entrant.command, workload, folder],
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        msg = f"not done after {_PATIENCE} s"
        raise PeerError(msg) from None
    if done.returncode:
        raise PeerError(_reason(done.stderr) or f"ended with {done.returncode}")
    answer: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    version, python = str(answer.pop("version")), str(answer.pop("python"))
    return _Answer({name: float(value) for name, value in answer.items()}, version, python)


def _reason(complaint: str) -> str:
    """What says why: the first two lines of uv, or the last of a traceback; no addresses."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    uvs = [line for line in lines if line.startswith(("error:", "cause:"))]
    return re.sub(r"\S+://\S+", "…", "; ".join(uvs[:2] or lines[-1:]))
