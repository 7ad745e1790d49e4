"""The tables of the journal, version by version.

``PRAGMA user_version`` says which version a file has. A new file runs every step from the first, an
older one the steps that it lacks: there is one way to the newest version. A step is never changed
once a release has shipped it.
"""

import sqlite3

__all__ = ["PROJECTED", "STEPS", "newest_version", "run_steps", "version_of"]

_VERSION_1 = (
    "CREATE TABLE meta (k TEXT PRIMARY KEY, v TEXT NOT NULL) STRICT",
    """CREATE TABLE lease (
        id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, host TEXT NOT NULL,
        pid INTEGER NOT NULL, boot_id TEXT NOT NULL, started_ns INTEGER NOT NULL,
        heartbeat_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE journal (
        seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, mono_ns INTEGER NOT NULL,
        epoch INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, v INTEGER NOT NULL,
        body TEXT NOT NULL, hash BLOB NOT NULL) STRICT""",
    """CREATE TABLE intents (
        order_id TEXT PRIMARY KEY, strategy TEXT NOT NULL, purpose TEXT NOT NULL,
        asset TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, order_type TEXT NOT NULL,
        limit_price TEXT, stop_price TEXT, time_in_force TEXT NOT NULL, status TEXT NOT NULL,
        filled TEXT NOT NULL, reason TEXT NOT NULL,
        created_seq INTEGER NOT NULL REFERENCES journal (seq),
        updated_seq INTEGER NOT NULL REFERENCES journal (seq)) STRICT""",
    """CREATE TABLE fills (
        fill_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, asset TEXT NOT NULL, side TEXT NOT NULL,
        quantity TEXT NOT NULL, price TEXT NOT NULL, fee TEXT NOT NULL, ts_ns INTEGER NOT NULL,
        evidence TEXT NOT NULL, seq INTEGER NOT NULL REFERENCES journal (seq),
        busted_seq INTEGER REFERENCES journal (seq)) STRICT""",
    "CREATE TABLE positions (asset TEXT PRIMARY KEY, quantity TEXT NOT NULL) STRICT",
    "CREATE TABLE cash (part TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT",
    """CREATE TABLE causes (
        name TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL,
        latched INTEGER NOT NULL, seq INTEGER NOT NULL REFERENCES journal (seq)) STRICT""",
    """CREATE TABLE risk_state (
        id INTEGER PRIMARY KEY CHECK (id = 1), high_water_mark TEXT, session TEXT,
        session_equity TEXT) STRICT""",
    "INSERT INTO risk_state (id) VALUES (1)",
)

STEPS: tuple[tuple[str, ...], ...] = (_VERSION_1,)
"""What turns version 0, an empty file, into 1, version 1 into 2, and so on."""

PROJECTED = ("intents", "fills", "positions", "cash", "causes", "risk_state")
"""The tables that follow from the rows of the journal."""


def newest_version() -> int:
    """The version that this version of ml4t-core writes."""
    return len(STEPS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file; 0 for an empty one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def run_steps(connection: sqlite3.Connection) -> None:
    """Bring a file to the newest version. The caller has begun a transaction and commits it."""
    for statements in STEPS[version_of(connection) :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {newest_version()}")
