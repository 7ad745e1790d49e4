"""Prove each wheel alone: built, installed by path into an empty environment, tested there.

In a workspace every package can import every other, whatever its metadata says. So each wheel goes
into an environment that holds the wheel, ml4t-core's wheel and what the two declare, and nothing
else; there every module must import, every public name must type-check in a user's file, and the
wheel's own tests must pass with warnings as errors. Third-party versions are those of uv.lock.

    python tests-integration/wheels/gate.py --package ml4t-live-ib
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

import attrs

ROOT = Path(__file__).resolve().parents[2]
UV = os.environ.get("UV", "uv")
"""The uv that runs this script, as it tells its children; else the one on the path."""

CORE = "ml4t-core"
LARGE = ("ml4t-core", "ml4t-backtest")
CONSTRAINTS = "constraints.txt"
TAIL = 40
"""How many lines of a failed command's output are told."""


class GateError(Exception):
    """A wheel is not what it must be; the message says why."""


@attrs.frozen(kw_only=True)
class Member:
    """A package of the workspace, as its pyproject.toml describes it.

    Attributes:
        name: of the distribution.
        folder: where its pyproject.toml lies.
        imports: the import packages that its wheel holds; none for a wheel of metadata only.
        extras: the names of its optional dependencies.
    """

    name: str
    folder: Path
    imports: tuple[str, ...]
    extras: frozenset[str]

    @classmethod
    def read(cls, file: Path) -> "Member":
        """The member that ``file``, a pyproject.toml, describes."""
        table = tomllib.loads(file.read_text())
        modules = table["tool"]["uv"]["build-backend"]["module-name"]
        return cls(
            name=table["project"]["name"],
            folder=file.parent,
            imports=(modules,) if isinstance(modules, str) else tuple(modules),
            extras=frozenset(table["project"].get("optional-dependencies", {})),
        )


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one wheel; ``problem`` is empty where all went well."""

    name: str
    modules: int = 0
    passed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problem: str = ""

    def row(self) -> str:
        """This outcome as a line of the table."""
        counts = f"{self.modules:>8} {self.passed:>8} {self.skipped:>8} {self.seconds:>8.1f}"
        return f"{self.name:<20} {counts}  {'FAILED' if self.problem else 'ok'}"


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command in ``folder``, free of the workspace's environment; its standard output.

    Raises:
        GateError: it exited with another code than 0; holds the end of its output.
    """
    leaks = ("PYTHON", "MYPYPATH", "VIRTUAL_ENV", "UV_PROJECT")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(leaks)}
    # Proved here is what an installed wheel finds. Searching for examples is what `make unit` does.
    clean.setdefault("HYPOTHESIS_PROFILE", "brief")
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-TAIL:]
        start = " ".join([Path(command[0]).name, *map(str, command[1:4])])
        msg = "\n".join([f"`{start} …` exited with {done.returncode}", *said])
        raise GateError(msg)
    return done.stdout


def members() -> dict[str, Member]:
    """Every package of the workspace by name."""
    found = [Member.read(file) for file in sorted((ROOT / "packages").glob("*/pyproject.toml"))]
    return {member.name: member for member in found}


def build(name: str, dist: Path) -> Path:
    """The wheel of one package, built by way of its sdist as an index would hand it out."""
    run([UV, "build", "--quiet", "--package", name, "--out-dir", dist], ROOT)
    (wheel,) = dist.glob(f"{name.replace('-', '_')}-[0-9]*.whl")
    return wheel


def inspect(wheel: Path, member: Member) -> list[str]:
    """The modules that a wheel holds.

    Raises:
        GateError: it holds a file outside its import packages, or lacks a py.typed or the licence.
    """
    files = [name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")]
    rooms = [f"{package.replace('.', '/')}/" for package in member.imports]
    code = [name for name in files if ".dist-info/" not in name]
    if strays := [name for name in code if not name.startswith(tuple(rooms))]:
        msg = f"{wheel.name} holds {', '.join(strays)}, outside its packages {member.imports}"
        raise GateError(msg)
    if missing := [f"{room}py.typed" for room in rooms if f"{room}py.typed" not in files]:
        msg = f"{wheel.name} lacks {', '.join(missing)}"
        raise GateError(msg)
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in files):
        msg = f"{wheel.name} lacks its LICENSE"
        raise GateError(msg)
    paths = [PurePosixPath(name) for name in code if name.endswith(".py")]
    return sorted(
        ".".join(path.parts[:-1] if path.stem == "__init__" else path.with_suffix("").parts)
        for path in paths
        if path.stem != "__main__"
    )


class Environment:
    """A virtual environment with only what is put in."""

    def __init__(self, folder: Path, constraints: Path, interpreter: str) -> None:
        """Make it, empty, in ``folder``."""
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self.constraints = constraints
        run([UV, "venv", "--quiet", "--python", interpreter, folder / "venv"], folder)

    def install(self, *what: str | Path) -> None:
        """Add wheels by path, or ``--group FILE:NAME``, in the versions of the lock."""
        pip: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", self.python]
        run([*pip, "--constraints", self.constraints, *what], self.folder)

    def probe(self, modules: Sequence[str], expected: set[str]) -> dict[str, list[str]]:
        """Import ``modules``; the public names of each.

        Raises:
            GateError: one does not import, or comes from elsewhere, or another distribution of
                ours than ``expected`` is there or did not come from a file.
        """
        script = Path(__file__).with_name("probe.py")
        found = json.loads(run([self.python, "-I", script, *modules], self.folder))
        if astray := [file for file in found["files"].values() if "site-packages" not in file]:
            msg = f"imported from outside the environment: {', '.join(astray)}"
            raise GateError(msg)
        if set(found["ours"]) != expected:
            msg = f"expected {sorted(expected)} of ours to be installed, found {found['ours']}"
            raise GateError(msg)
        if strangers := [k for k, url in found["ours"].items() if not url.startswith("file:")]:
            msg = f"did not come from the wheels just built: {', '.join(strangers)}"
            raise GateError(msg)
        public: dict[str, list[str]] = found["public"]
        return public

    def typecheck(self, public: dict[str, list[str]]) -> None:
        """Check, for each package, a user's file that imports all its public names.

        The file also imports a name that no package has, which must be an error: strict checking
        objects to an ignore that was not needed.

        Raises:
            GateError: the type checker objects, as it does where a py.typed is missing.
        """
        files = []
        for package, names in public.items():
            lines = [f"from {package} import {name}" for name in names]
            lines += [f"from {package} import NoSuchName  # type: ignore[attr-defined]", ""]
            file = self.folder / f"user_of_{package.replace('.', '_')}.py"
            file.write_text("\n".join(lines))
            files.append(file)
        mypy = [sys.executable, "-m", "mypy", "--strict", "--pretty", "--config-file="]
        run([*mypy, "--no-incremental", "--python-executable", self.python, *files], self.folder)

    def test(self, tests: Path) -> tuple[int, int]:
        """Run a wheel's tests here with the workspace's settings; how many passed and skipped.

        Raises:
            GateError: one failed, or there was none.
        """
        report = self.folder / "report.xml"
        settings: list[str | Path] = [
            "-c",
            ROOT / "pyproject.toml",
            "--rootdir",
            tests,
            "--confcutdir",
            tests,
        ]
        quiet = ["-q", "--no-header", "-p", "no:cacheprovider", f"--junit-xml={report}"]
        run([self.python, "-I", "-m", "pytest", *settings, *quiet, tests], self.folder)
        suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - written just above
        counts = [(int(suite.get("tests", 0)), int(suite.get("skipped", 0))) for suite in suites]
        total, skipped = (sum(column) for column in zip(*counts, strict=True))
        return total - skipped, skipped


def check_extras(wheel: Path, member: Member, others: set[str]) -> None:
    """Check that a metadata wheel leads to every other package of this workspace, and to no more.

    Raises:
        GateError: one is missing, or it requires something else.
    """
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    headers = HeaderParser().parsestr(archive.read(metadata).decode())
    required = {re.split(r"[^\w-]", line)[0] for line in headers.get_all("Requires-Dist", [])}
    if required != others:
        msg = f"{wheel.name} requires {sorted(required)}, expected {sorted(others)}"
        raise GateError(msg)
    if (extras := set(headers.get_all("Provides-Extra", []))) != member.extras:
        msg = f"{wheel.name} offers {sorted(extras)}, expected {sorted(member.extras)}"
        raise GateError(msg)


def prove(member: Member, wheels: dict[str, Path], environment: Environment) -> Outcome:
    """Put one wheel through everything that it must pass.

    Raises:
        GateError: at the first thing that it does not pass.
    """
    wheel = wheels[member.name]
    modules = inspect(wheel, member)
    if not member.imports:
        check_extras(wheel, member, set(wheels) - {member.name})
        extras = ",".join(sorted(member.extras))
        rest = [path for name, path in wheels.items() if name != member.name]
        environment.install(f"{member.name}[{extras}] @ {wheel.as_uri()}", *rest)
        environment.probe([], set(wheels))
        return Outcome(name=member.name)
    expected = {CORE, member.name}
    environment.install(*{wheels[CORE], wheel})
    # As a user has it, without the test tools: only the conformance kit may ask for those.
    public = environment.probe([name for name in modules if ".testing" not in name], expected)
    environment.typecheck({name: public[name] for name in member.imports})
    environment.install("--group", f"{member.folder / 'pyproject.toml'}:test")
    environment.probe(modules, expected)
    passed, skipped = environment.test(member.folder / "tests")
    return Outcome(name=member.name, modules=len(modules), passed=passed, skipped=skipped)


def attempt(name: str, known: dict[str, Member], work: Path, interpreter: str) -> Outcome:
    """Build one wheel and what it needs, and put it through everything; never raises GateError."""
    start = time.perf_counter()
    folder = work / name
    folder.mkdir()
    needed = {name, CORE} if known[name].imports else set(known)
    try:
        wheels = {each: build(each, folder / "dist") for each in sorted(needed)}
        environment = Environment(folder, work / CONSTRAINTS, interpreter)
        outcome = prove(known[name], wheels, environment)
    except GateError as error:
        outcome = Outcome(name=name, problem=str(error))
    return attrs.evolve(outcome, seconds=time.perf_counter() - start)


def main() -> int:
    """Prove the wheels asked for; 0 when all passed, else 1."""
    known = members()
    parser = argparse.ArgumentParser(
        description="Build each wheel, install it alone into an empty environment, test it there."
    )
    parser.add_argument("--package", action="append", choices=sorted(known), help="only this one")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to test with")
    options = parser.parse_args()
    outcomes = []
    print(f"{'wheel':<20} {'modules':>8} {'passed':>8} {'skipped':>8} {'seconds':>8}")
    with tempfile.TemporaryDirectory(prefix="ml4t-wheels-") as place:
        work = Path(place)
        lock = ["--all-packages", "--all-groups", "--no-emit-workspace", "--no-hashes"]
        run([UV, "export", "--frozen", "--quiet", *lock, "-o", work / CONSTRAINTS], ROOT)
        # Those with the most tests first, so that none of them is the last one running.
        names = sorted(options.package or known, key=lambda name: (name not in LARGE, name))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for outcome in pool.map(lambda name: attempt(name, known, work, options.python), names):
                print(outcome.row(), flush=True)
                outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if outcome.problem]
    for outcome in failed:
        print(f"\n{outcome.name} FAILED: {outcome.problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GateError as error:
        sys.exit(f"the gate could not begin: {error}")
