"""Every instant carries its timezone."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from ml4t.core import InvalidValueError
from ml4t.core.times import require_aware


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5))], ids=str)
def test_an_instant_with_a_timezone_passes(zone: timezone) -> None:
    require_aware(datetime(2024, 1, 2, tzinfo=zone), "start")


@pytest.mark.parametrize(
    "instant",
    [datetime(2024, 1, 2), date(2024, 1, 2), "2024-01-02", None],  # noqa: DTZ001
    ids=repr,
)
def test_what_is_no_instant_is_refused_by_name(instant: Any) -> None:
    with pytest.raises(InvalidValueError, match="start must be a timezone-aware datetime"):
        require_aware(instant, "start")
