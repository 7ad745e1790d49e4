"""Every example in the documents runs as written, and every local link leads somewhere.

One document is one session: its examples run in order and share their names, in an empty folder
that holds a copy of examples/, as if the reader had started beside it.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md")]
)
FENCE = re.compile(r"^\s*(?:```+|~~~+)\s*(?:\{?\.?)(?:python|py|pycon)\b", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")
EXAMPLES = Sybil(parsers=[PythonCodeBlockParser()])


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    """Each document of the repository in turn."""
    path: Path = request.param
    return path


def run(document: Path) -> int:
    """Run the examples of a document; how many there were."""
    examples = list(EXAMPLES.parse(document))
    for example in examples:
        example.evaluate()
    return len(examples)


def dead_links(document: Path) -> list[str]:
    """The local links of a document that lead nowhere."""
    links = LINK.findall(document.read_text())
    return [link for link in links if not (document.parent / link).exists()]


def test_every_python_example_runs(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)

    assert run(document) == len(FENCE.findall(document.read_text()))


def test_every_local_link_leads_somewhere(document: Path) -> None:
    assert dead_links(document) == []


def test_an_example_that_fails_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")

    with pytest.raises(AssertionError):
        run(page)


def test_a_fence_that_would_be_passed_over_is_counted(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```pycon\n>>> x\n2\n```\n")

    assert (run(page), len(FENCE.findall(page.read_text()))) == (1, 2)


def test_a_dead_link_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[here](page.md#top), [gone](gone.md), [elsewhere](https://example.org)")

    assert dead_links(page) == ["gone.md"]


def test_make_help_explains_every_target() -> None:
    rules = re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(line.split()[0] for line in told.stdout.splitlines()) == sorted(rules)
