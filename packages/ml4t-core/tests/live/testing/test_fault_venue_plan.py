"""Tests of the fault plans and of the list of faults."""

import attrs
import pytest

from ml4t.core.errors import ConfigError
from ml4t.live.testing import EVERY_FAULT, After, At, FaultPlan, seeded, swarm_plan
from ml4t.live.testing.call_faults import LoseAnswer
from ml4t.live.testing.execution_faults import Overfill
from ml4t.live.testing.faults import OPPORTUNITIES
from ml4t.live.testing.injector import FaultInjector
from ml4t.live.testing.world_faults import GoDown


@pytest.mark.parametrize("kind", EVERY_FAULT)
def test_every_fault_says_what_it_stands_for(kind) -> None:
    fault = kind.drawn(seeded(1))
    assert fault.ids
    assert all(name[0] == "F" and name[1:].isdigit() for name in fault.ids)
    assert fault.opportunities
    assert fault.opportunities <= OPPORTUNITIES
    assert 0 < fault.likely <= 1
    assert repr(kind.drawn(seeded(1))) == repr(fault)
    assert attrs.has(kind)


def test_random_plans_differ_in_what_they_have() -> None:
    plans = [swarm_plan(seeded(seed)) for seed in range(50)]
    assert {kind for plan in plans for kind in plan.rates} == set(EVERY_FAULT)
    assert all(0 < len(plan.rates) < len(EVERY_FAULT) for plan in plans)
    assert swarm_plan(seeded(7)) == plans[7]
    assert set(swarm_plan(seeded(1), [GoDown] * 20).rates) == {GoDown}


def test_a_fault_must_fit_where_it_is_put() -> None:
    with pytest.raises(ConfigError, match="cannot be injected"):
        At(call="submit", do=Overfill())
    with pytest.raises(ConfigError, match="must be one of"):
        At(call="sbumit", do=LoseAnswer())
    with pytest.raises(ConfigError, match="counts from 1"):
        At(call="submit", number=0, do=LoseAnswer())
    with pytest.raises(ConfigError, match="needs an occasion"):
        After(seconds=1, do=LoseAnswer())
    with pytest.raises(ConfigError, match="from 0 to 1"):
        FaultPlan(rates={LoseAnswer: 1.5})
    with pytest.raises(ConfigError, match="reads must be"):
        FaultPlan(reads=-1)


def test_a_plan_says_what_it_holds() -> None:
    assert str(FaultPlan()) == "no faults"
    plan = FaultPlan(rates={GoDown: 0.25}, script=[At(call="submit", do=LoseAnswer())])
    assert "GoDown=0.2500" in str(plan)
    assert "LoseAnswer" in str(plan)


def test_rates_are_kept_until_healed() -> None:
    faults = FaultInjector(FaultPlan(rates={LoseAnswer: 0.25}), seeded(1))
    drawn = [faults.draw("submit") for _ in range(2_000)]
    assert 400 < sum(fault is not None for fault in drawn) < 600
    assert faults.draw("execution") is None
    faults.heal()
    assert {None} == {faults.draw("submit") for _ in range(100)}


def test_questions_fail_less_often_than_orders() -> None:
    faults = FaultInjector(FaultPlan(rates={LoseAnswer: 1.0}, reads=0.1), seeded(1))
    assert all(faults.draw("submit") for _ in range(100))
    assert 50 < sum(faults.draw("account") is not None for _ in range(1_000)) < 200


def test_what_the_script_names_comes_after_healing_too() -> None:
    faults = FaultInjector(
        FaultPlan(script=[At(call="submit", number=2, do=LoseAnswer())]), seeded(1)
    )
    faults.heal()
    assert [None, LoseAnswer(), None] == [faults.draw("submit") for _ in range(3)]
