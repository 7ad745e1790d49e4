"""The failpoints: what there is, and that each of them is somewhere killed at."""

import re
from pathlib import Path

import ml4t.live
from ml4t.live.failpoints import FAILPOINTS, failpoint
from ml4t.live.testing.chance import seeded
from ml4t.live.testing.crash_harness import REACHABLE, planned

SOURCE = Path(ml4t.live.__file__).parent
CALL = re.compile(r'failpoint\("([^"]+)"\)')


def test_the_list_holds_every_failpoint_of_the_source() -> None:
    found = {
        name
        for path in SOURCE.rglob("*.py")
        if "testing" not in path.parts
        for name in CALL.findall(path.read_text(encoding="utf-8"))
    }
    assert sorted(found) == list(FAILPOINTS)


def test_there_are_enough_of_them() -> None:
    assert len(REACHABLE) >= 25


def test_a_failpoint_that_is_not_armed_does_nothing() -> None:
    failpoint("journal.committed")


def test_a_long_plan_holds_each_failpoint_twice() -> None:
    plan = planned(200, seeded(1))
    assert 200 == len(plan)
    assert {2} == {plan.count(name) for name in REACHABLE}


def test_a_short_plan_still_has_random_moments() -> None:
    plan = planned(30, seeded(1))
    assert 30 == len(plan)
    assert 10 == plan.count("")
