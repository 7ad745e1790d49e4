"""Every package can be released at any time: its fragments become a changelog."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))


@pytest.fixture(params=PACKAGES, ids=lambda path: path.name)
def package(request: pytest.FixtureRequest) -> Path:
    """The folder of each package in turn."""
    folder: Path = request.param
    return folder


def fragments(package: Path) -> list[Path]:
    """The news of a package since its last release."""
    return sorted((package / "changelog.d").glob("*.md"))


def test_every_package_has_the_same_rules(package: Path) -> None:
    rules = [
        tomllib.loads((p / "pyproject.toml").read_text())["tool"]["towncrier"] for p in PACKAGES
    ]

    for rule, folder in zip(rules, PACKAGES, strict=True):
        assert rule.pop("name") == folder.name
    assert rules == [rules[0]] * len(rules)


def test_every_fragment_is_of_a_known_kind(package: Path) -> None:
    """`towncrier` passes over a file whose name it does not understand."""
    name = re.compile(r"\+?[\w-]+\.(breaking|added|changed|deprecated|fixed)(\.\d+)?\.md")

    assert [path.name for path in fragments(package) if not name.fullmatch(path.name)] == []


def test_fragments_become_a_changelog(package: Path) -> None:
    draft = subprocess.run(
        [
            *(sys.executable, "-m", "towncrier", "build", "--draft"),
            *("--dir", package, "--version", "0.1.0", "--date", "2026-01-01"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert draft.startswith("## 0.1.0 (2026-01-01)\n")
    for path in fragments(package):
        assert path.read_text().split()[0] in draft
