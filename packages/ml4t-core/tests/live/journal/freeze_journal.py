"""Writes ``journal_v1.db``, a journal that every later version must be able to open.

Run it in the directory ``tests`` before the release that first has a version of the journal, and
never after it: ``python -m live.journal.freeze_journal``. It prints what ``test_journal_schema.py``
has to know.
"""

from pathlib import Path

from ml4t.core.venue_events import Environment
from ml4t.live.journal import Journal, JournalOwner
from ml4t.live.journal.schema import newest_version

if __name__ == "__main__":
    from live.journal.conftest import TickingClock, reference_session

    path = Path(__file__).with_name(f"journal_v{newest_version()}.db")
    path.unlink(missing_ok=True)
    owner = JournalOwner(account_id="DU123", environment=Environment.PAPER, broker="ib")
    journal = Journal.open(path, owner, TickingClock())
    journal.append(reference_session())
    journal.close()
    path.with_name(f"{path.name}.marker").unlink()
    print(f"{journal.rows} {journal.head}")  # noqa: T201
