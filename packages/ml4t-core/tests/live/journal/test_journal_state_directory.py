"""The directory of an engine and its lock."""

import os
from pathlib import Path

import pytest

from ml4t.live.journal import JournalInUseError, JournalWriteError, StateDirectory


def test_a_new_directory_is_private(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path / "a" / "b")
    assert 0o700 == directory.path.stat().st_mode & 0o777
    StateDirectory(directory.path)


def test_the_files_have_their_names(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    names = [
        p.name for p in (directory.journal, directory.kill, directory.socket, directory.status)
    ]
    assert ["journal.db", "KILL", "control.sock", "status.json"] == names


def test_one_engine_at_a_time(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    assert directory.holder("DU1") is None
    with directory.lock("DU1"):
        assert os.getpid() == directory.holder("DU1")
        with pytest.raises(JournalInUseError, match=f"process {os.getpid()}, trades account DU1"):
            StateDirectory(tmp_path).lock("DU1")
        directory.lock("DU2").release()
    lock = directory.lock("DU1")
    lock.release()
    lock.release()
    assert directory.holder("DU1") is None


@pytest.mark.parametrize("account", ["../x", "a/b", "ä", "", ".", "a b", "x" * 10])
def test_any_account_has_a_lock_inside_the_directory(tmp_path: Path, account: str) -> None:
    directory = StateDirectory(tmp_path / "state")
    with directory.lock(account):
        (file,) = directory.path.iterdir()
        assert ".lock" == file.suffix
    assert [directory.path] == list(tmp_path.iterdir())


def test_a_holder_that_left_no_number_is_named_so(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    with directory.lock("DU1"):
        (tmp_path / "DU1.lock").write_text("nonsense")
        assert directory.holder("DU1") is None
        with pytest.raises(JournalInUseError, match="process of unknown number"):
            directory.lock("DU1")


def test_a_directory_that_cannot_be_made_is_the_disks_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalWriteError, match="cannot be made"):
        StateDirectory(tmp_path / "file" / "state")


def test_a_lock_that_cannot_be_opened_is_the_disks_fault(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    (tmp_path / "DU1.lock").mkdir()
    with pytest.raises(JournalWriteError, match="cannot be opened"):
        directory.lock("DU1")
