"""The chain of hashes: each row's hash covers the row and the hash before, so no row can change.

The first hash covers whose journal it is. A row that was altered, removed, inserted or moved breaks
the chain at that row; rows that are missing at the end do not, which is what the marker is for.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import attrs

from ml4t.live.clock import Clock
from ml4t.live.events import JournalEvent
from ml4t.live.journal.codec import CODEC, Codec, canonical
from ml4t.live.journal.entries import Entry, JournalOwner, instant_of, nanoseconds
from ml4t.live.journal.subjects import subject_of

__all__ = ["COLUMNS", "Row", "Verification", "entry_of", "genesis", "hash_of", "seal", "walk"]

Row: TypeAlias = tuple[int, int, int, int, str, str, int, str, bytes]
"""What the journal stores of an event, in the order of ``COLUMNS``."""

COLUMNS = ("seq", "ts_ns", "mono_ns", "epoch", "kind", "key", "v", "body", "hash")
"""``seq`` counts from 1. ``ts_ns``: the wall clock since 1970. ``mono_ns``: the monotonic clock.
``key``: the order, execution, cause or symbol that it is about. ``v``: the version of the kind."""

_BILLION = 1_000_000_000


@attrs.frozen(kw_only=True)
class Verification:
    """What an examination of a journal found.

    Attributes:
        rows: how many rows the chain holds up to its end or its first break.
        head: the hash of the last of them, in hexadecimal digits.
        first_bad: the number of the first row that is not as it was written; None where all are,
            or where the file is damaged otherwise.
        reason: what is wrong; "" where nothing is.
    """

    rows: int
    head: str
    first_bad: int | None = None
    reason: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether the journal is as it was written."""
        return not self.reason


def genesis(owner: JournalOwner, created_ns: int) -> bytes:
    """The hash before the first row."""
    names = owner.names | {"created_ns": str(created_ns)}
    return hashlib.sha256(canonical(names).encode()).digest()


def hash_of(previous: bytes, row: Sequence[object]) -> bytes:
    """The hash of a row, of which the own hash is not looked at.

    It covers the canonical JSON of the row's columns, the body as the object that it is.
    """
    seq, ts_ns, mono_ns, epoch, kind, key, version, body = row[:8]
    text = (
        f'{{"body":{body},"epoch":{epoch},"key":{json.dumps(key)},"kind":"{kind}",'
        f'"mono_ns":{mono_ns},"seq":{seq},"ts_ns":{ts_ns},"v":{version}}}'
    )
    return hashlib.sha256(previous + text.encode("utf-8", "surrogatepass")).digest()


def seal(
    events: Sequence[JournalEvent], after: tuple[int, bytes], epoch: int, clock: Clock
) -> list[Row]:
    """The rows of events that follow row number ``after[0]`` of hash ``after[1]``.

    Raises:
        JournalError: an event cannot be written.
    """
    seq, previous = after
    ts_ns = nanoseconds(clock.now())
    mono_ns = round(clock.monotonic() * _BILLION)
    rows: list[Row] = []
    for event in events:
        seq += 1
        kind, version, body = CODEC.encode(event)
        unsealed = (seq, ts_ns, mono_ns, epoch, kind, subject_of(event), version, body)
        previous = hash_of(previous, unsealed)
        rows.append((*unsealed, previous))
    return rows


def walk(rows: Iterable[Row], start: bytes) -> Verification:
    """Follow the chain from the first row to the last or to the first that does not fit."""
    count, previous = 0, start
    for row in rows:
        if row[0] != count + 1:
            reason = f"row {count + 1} is missing"
        elif hash_of(previous, row) != row[8]:
            reason = f"row {count + 1} is not as it was written"
        else:
            count, previous = count + 1, row[8]
            continue
        return Verification(rows=count, head=previous.hex(), first_bad=count + 1, reason=reason)
    return Verification(rows=count, head=previous.hex())


def entry_of(row: Row, codec: Codec = CODEC) -> Entry:
    """The entry that a row holds.

    Raises:
        JournalError: this version of ml4t-core cannot read it.
    """
    seq, ts_ns, _, epoch, kind, _, version, body, _ = row
    return Entry(seq, instant_of(ts_ns), epoch, codec.decode(kind, version, body))
