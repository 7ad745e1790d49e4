"""The one-time import of the risk state of ml4t-live."""

from pathlib import Path

import pytest

from ml4t.core.risk import TradingState
from ml4t.live.clock import Clock
from ml4t.live.journal import (
    JournalOwner,
    JournalWriteError,
    MemoryJournal,
    StateDirectory,
    import_risk_state,
)


@pytest.fixture
def journal(owner: JournalOwner, clock: Clock) -> MemoryJournal:
    return MemoryJournal(owner, clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return StateDirectory(tmp_path).legacy_risk_state


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"kill_switch_active": true, "kill_switch_reason": "loss"}', "loss"),
        ('{"kill_switch_active": true, "date": "2026-03-02"}', "kill switch set without a reason"),
        ('{"kill_switch_active": "yes", "kill_switch_reason": 5}', "5"),
        ("{", "the state of the risk limits cannot be read"),
        ("", "the state of the risk limits cannot be read"),
        ("\xff", "the state of the risk limits cannot be read"),
        ("[]", "the state of the risk limits is not an object"),
    ],
)
def test_a_set_kill_switch_is_honoured(
    journal: MemoryJournal, file: Path, content: str, reason: str
) -> None:
    file.write_bytes(content.encode("latin-1"))
    cause = import_risk_state(journal, file)
    assert [cause] == [entry.event for entry in journal.entries()]
    assert cause is not None
    assert f"{reason} (imported from .ml4t_risk_state.json)" == cause.reason
    assert (TradingState.HALTED, True) == (cause.state, cause.latched)


@pytest.mark.parametrize("content", ["{}", '{"kill_switch_active": false, "trades": 3}'])
def test_a_kill_switch_that_is_not_set_changes_nothing(
    journal: MemoryJournal, file: Path, content: str
) -> None:
    file.write_text(content)
    assert import_risk_state(journal, file) is None
    assert 0 == journal.rows


def test_the_file_is_imported_once(journal: MemoryJournal, file: Path) -> None:
    file.write_text('{"kill_switch_active": true}')
    import_risk_state(journal, file)
    assert import_risk_state(journal, file) is None
    assert (1, False) == (journal.rows, file.exists())
    assert file.with_name(".ml4t_risk_state.json.imported").exists()


def test_a_file_that_cannot_be_read_stops_the_start(journal: MemoryJournal, file: Path) -> None:
    file.mkdir()
    with pytest.raises(JournalWriteError, match="may hold a set kill switch"):
        import_risk_state(journal, file)


def test_a_file_that_cannot_be_renamed_stops_the_start(journal: MemoryJournal, file: Path) -> None:
    file.write_text("{}")
    file.with_name(".ml4t_risk_state.json.imported").mkdir()
    with pytest.raises(JournalWriteError, match="cannot be renamed"):
        import_risk_state(journal, file)
