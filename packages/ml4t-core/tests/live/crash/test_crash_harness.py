"""F43: engines in processes of their own, killed at every failpoint and at any moment."""

from pathlib import Path

from ml4t.core.testing.profiles import effort
from ml4t.live.testing.crash_harness import REACHABLE
from ml4t.live.testing.crash_soak import kill_engines

KILLS = effort(brief=6, dev=40, ci=200)


async def test_f43_killed_engines_lose_and_double_nothing(tmp_path: Path) -> None:
    """Every account ends as the venue has it, to the cent, whatever its engines died of."""
    report = await kill_engines(KILLS, 43, tmp_path, at_once=6)
    assert [] == report.findings
    assert report.kills >= KILLS
    assert report.orders > KILLS
    assert report.fills > KILLS
    # The comparison at rest agreed in time each time; see I2.
    assert report.slowest < 10
    if KILLS >= 200:
        assert [] == [name for name in REACHABLE if report.reached[name] < 2]
