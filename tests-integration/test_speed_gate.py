"""The engine does no more work for a bar or an order than it did when that was last recorded.

What the interpreter does is counted and no time is taken, so that the gate says the same on every
machine, however busy.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from benchmarks import gate, page, records  # noqa: E402 - it is no installed package

Counts = dict[str, dict[str, float]]

ANSWER = (
    "make it cheaper again, or if the work is needed say why in the commit and make it the new "
    "ceiling with: uv run --no-sync python -m benchmarks count --record"
)


def counted() -> Counts:
    """What is counted in a process of its own, where nothing else traces."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "count"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    counts: Counts = json.loads(done.stdout)
    return counts


@pytest.fixture(scope="module")
def counts() -> Counts:
    """What is counted now."""
    return counted()


def test_a_bar_and_an_order_cost_no_more_than_recorded(counts: Counts) -> None:
    assert gate.breaches(counts, gate.ceilings()) == [], ANSWER


def test_the_same_code_counts_the_same(counts: Counts) -> None:
    assert counted() == counts


def test_every_workload_that_is_counted_has_a_ceiling(counts: Counts) -> None:
    assert {tuple(sorted(ceilings)) for ceilings in gate.ceilings().values()} == {
        tuple(sorted(counts))
    }


def test_one_more_call_for_each_bar_is_a_breach(counts: Counts) -> None:
    slower = {**counts, "nothing": {name: n + 2 for name, n in counts["nothing"].items()}}

    assert [breach.split(":")[0] for breach in gate.breaches(slower, {gate.PYTHON: counts})] == [
        "nothing",
        "nothing",
    ]


def test_a_python_without_ceilings_of_its_own_is_held_to_the_calls() -> None:
    recorded = {"3.1": {"nothing": {"steps": 37.0, "calls": 2.0}}}
    other = {"nothing": {"steps": 58.0, "calls": 3.0}}

    assert gate.breaches(other, recorded, "3.2") == ["nothing: 3 calls where 2 are recorded"]


def test_the_page_on_speed_shows_what_is_recorded() -> None:
    text = page.PAGE.read_text()

    assert page.rendered(text, records.load()) == text
