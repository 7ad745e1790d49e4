"""What feeds send as bars."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from ml4t.core import Bar
from ml4t.live.bars import BarFault, RawBar, bar_or_fault

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
GOOD = RawBar(timestamp=NOON, asset="A", open=10, high=12, low=9, close=11, volume=5)


def test_a_good_bar_becomes_one() -> None:
    expected = Bar(timestamp=NOON, asset="A", open=10, high=12, low=9, close=11, volume=5)

    assert expected == bar_or_fault(GOOD)


def test_text_with_an_offset_is_an_instant() -> None:
    bar = bar_or_fault(attrs.evolve(GOOD, timestamp="2024-01-02T07:00:00-05:00"))

    assert isinstance(bar, Bar)
    assert NOON == bar.timestamp


@pytest.mark.parametrize(
    "wrong",
    [
        {"close": math.nan},
        {"open": 0.0},
        {"low": -1.0},
        {"high": math.inf},
        {"high": 8.0},
        {"close": None},
        {"close": "n/a"},
        {"volume": -1.0},
        {"volume": math.nan},
        {"timestamp": "yesterday"},
        {"timestamp": "2024-01-02T12:00:00"},
        {"timestamp": "2016-12-31T23:59:60+00:00"},
        {"timestamp": None},
        {"timestamp": datetime(2024, 1, 2)},  # noqa: DTZ001
        {"timestamp": datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))},
        {"asset": ""},
    ],
    ids=str,
)
def test_what_is_no_bar_is_a_fault_with_a_reason(wrong: dict[str, Any]) -> None:
    raw = attrs.evolve(GOOD, **wrong)
    fault = bar_or_fault(raw)

    assert isinstance(fault, BarFault)
    assert raw is fault.raw
    assert fault.reason
