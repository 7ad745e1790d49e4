"""Trading days with random faults, crashes and full disks in virtual time."""

from ml4t.core.testing.profiles import effort
from ml4t.live.testing.days import play_days
from ml4t.live.testing.days_soak import play_many

DAYS = effort(brief=5, dev=60, ci=1000)
LENGTH = 5
SEVERAL = 50


def test_no_invariant_is_broken_on_any_day() -> None:
    """Each tenth run is played twice and leaves the same journal and the same venue."""
    summary = play_many(range(1, DAYS // LENGTH + 1), jobs=2, length=LENGTH)

    assert [] == summary.findings
    assert summary.days >= DAYS
    if DAYS >= SEVERAL:
        # Days on which nothing happens would prove nothing.
        assert summary.counts["fills"] > DAYS
        assert [] == [what for what in ("crash", "disk", "kill") if not summary.counts[what]]


def test_the_same_seed_gives_the_same_journal_and_venue() -> None:
    first, second = play_days(7), play_days(7)

    assert (first.head, first.digest) == (second.head, second.digest)
    assert first.head != play_days(8).head
