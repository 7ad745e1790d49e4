"""The chain of hashes."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ml4t.core.venue_events import Environment
from ml4t.live.events import Alert
from ml4t.live.journal import JournalOwner, MemoryJournal
from ml4t.live.journal.chain import genesis, hash_of, walk
from ml4t.live.journal.entries import instant_of, nanoseconds

OWNER = JournalOwner(account_id="DU123", environment=Environment.PAPER, broker="ib")
MOMENT = datetime(2026, 3, 2, 14, 30, 0, 123457, tzinfo=UTC)


class StandingClock:
    """Always the same moment."""

    def now(self) -> datetime:
        return MOMENT

    def monotonic(self) -> float:
        return 2.0


START = genesis(OWNER, nanoseconds(MOMENT))


def journal_of(count: int) -> MemoryJournal:
    journal = MemoryJournal(OWNER, StandingClock())
    journal.append([Alert(kind="n", message=str(number)) for number in range(count)])
    return journal


def test_a_hash_does_not_change_between_versions() -> None:
    """Journals that exist depend on it."""
    journal = journal_of(1)
    (row,) = journal.stored()
    expected = (
        1, 1772461800123457000, 2_000_000_000, 1772461800, "Alert", "", 1,
        '{"kind":"n","message":"0"}',
    )  # fmt: skip
    assert expected == row[:8]
    assert "d6b7779ff32d75545efcfe1f82a8e819163ddaf62148d25944548a260275f292" == row[8].hex()
    assert row[8].hex() == journal.head


def test_a_chain_that_was_not_touched_is_sound() -> None:
    journal = journal_of(20)
    found = walk(journal.stored(), START)
    assert (True, 20, journal.head) == (found.is_sound, found.rows, found.head)
    assert (0, START.hex()) == (walk([], START).rows, walk([], START).head)


@given(st.integers(0, 9), st.integers(0, 8), st.integers(1, 1000))
def test_a_row_with_another_value_breaks_the_chain_there(
    number: int, column: int, change: int
) -> None:
    rows = list(journal_of(10).stored())
    row: list[Any] = list(rows[number])
    value = row[column]
    row[column] = value + change if isinstance(value, int) else value[:-1]
    if row[column] == value:
        row[column] = "x"
    rows[number] = tuple(row)
    assert number + 1 == walk(rows, START).first_bad


@given(st.permutations(range(6)))
def test_rows_in_another_order_break_the_chain(order: list[int]) -> None:
    rows = list(journal_of(6).stored())
    assert (order == sorted(order)) == walk([rows[n] for n in order], START).is_sound


@given(st.sets(st.integers(0, 5)))
def test_a_row_that_is_left_out_breaks_the_chain(left_out: set[int]) -> None:
    rows = [row for n, row in enumerate(journal_of(6).stored()) if n not in left_out]
    is_only_the_end = left_out == set(range(len(rows), 6))
    assert is_only_the_end == walk(rows, START).is_sound


def test_the_hash_depends_on_the_hash_before_and_on_the_owner() -> None:
    (row,) = journal_of(1).stored()
    other = JournalOwner(account_id="DU124", environment=Environment.PAPER, broker="ib")
    assert START != genesis(other, nanoseconds(MOMENT))
    assert hash_of(START, row) != hash_of(genesis(other, 0), row)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_instants_are_exact(instant: datetime) -> None:
    assert instant == instant_of(nanoseconds(instant))
