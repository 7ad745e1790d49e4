"""What lies where, and what must lie nowhere."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    ".ci",
    ".gitignore",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "benchmarks",
    "docs",
    "examples",
    "packages",
    "pyproject.toml",
    "tests-integration",
    "uv.lock",
}


def files() -> list[str]:
    """What is in the repository, or would be after `git add`, as paths from its top."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_holds_what_is_agreed_and_nothing_else() -> None:
    assert {name.split("/")[0] for name in files()} == TOP


def test_the_namespace_belongs_to_no_wheel() -> None:
    assert list(ROOT.glob("packages/*/src/ml4t/__init__.py*")) == []


def test_every_licence_is_the_same() -> None:
    licence = (ROOT / "LICENSE").read_text()
    packages = sorted(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))

    assert [p.name for p in packages if (p / "LICENSE").read_text() != licence] == []


def test_only_tests_look_beside_the_repository() -> None:
    """Everything else works in a clone that lies alone; the tests skip what they do not find."""
    beside = re.compile(rb"\.\./shared")
    allowed = re.compile(r"(packages/[^/]+/tests|tests-integration)/")

    assert [
        name
        for name in files()
        if not allowed.match(name) and beside.search((ROOT / name).read_bytes())
    ] == []
