"""The client order ids that an engine chooses, and whose an order is that the venue shows.

An id is ``m4-`` and 29 characters: the first 64 bits of the SHA-256 of the account's id, 32 bits of
the epoch and 48 bits of a number, in lower-case base32. An epoch is one start of an engine, so that
no id is ever given twice.
"""

import base64
import binascii
import hashlib
from collections.abc import Collection

import attrs

from ml4t.core.order_requests import Constant

__all__ = ["OrderId", "Origin", "mint", "origin_of", "read_order_id"]

PREFIX = "m4-"
_HASH, _EPOCH, _NUMBER = 8, 4, 6
_LETTERS = 29
_PADDING = "==="


@attrs.frozen
class OrderId:
    """What a client order id says.

    Attributes:
        account_hash: 16 hexadecimal digits that stand for the account.
        epoch: which start of an engine minted it.
        number: the how-manieth it was in that epoch.
    """

    account_hash: str
    epoch: int
    number: int


class Origin(Constant):
    """Whose an order is.

    ``OWN``: this journal's engine, in this run or an earlier one. ``OTHER_ENGINE``: an ml4t engine
    with another journal sent it to the same account. ``FOREIGN``: a person or another program.
    """

    OWN = "own"
    OTHER_ENGINE = "other_engine"
    FOREIGN = "foreign"


def account_hash(account_id: str) -> str:
    """The 16 hexadecimal digits that stand for an account in its order ids."""
    return _digest(account_id).hex()


def mint(account_id: str, epoch: int, number: int) -> str:
    """The client order id of a number in an epoch; the same arguments give the same id.

    Raises:
        OverflowError: ``epoch`` or ``number`` is negative or has no room in the id.

    >>> mint("DU123", 1_700_000_000, 1)
    'm4-i5qvesdakbr4szkt6eaaaaaaaaaac'
    """
    raw = _digest(account_id) + epoch.to_bytes(_EPOCH, "big") + number.to_bytes(_NUMBER, "big")
    return _spelled(raw)


def read_order_id(order_id: str) -> OrderId | None:
    """What a client order id says; None where no ml4t engine minted it.

    >>> read_order_id("aapl-entry-7") is None
    True
    >>> read_order_id(mint("DU123", 1_700_000_000, 7)).number
    7
    """
    letters = order_id.removeprefix(PREFIX)
    if len(letters) != _LETTERS or not order_id.startswith(PREFIX) or letters != letters.lower():
        return None
    try:
        raw = base64.b32decode(letters.upper() + _PADDING)
    except (binascii.Error, ValueError):
        return None
    read = OrderId(
        raw[:_HASH].hex(),
        int.from_bytes(raw[_HASH : _HASH + _EPOCH], "big"),
        int.from_bytes(raw[_HASH + _EPOCH :], "big"),
    )
    # The last letter has a bit to spare: only one of its spellings is ever minted.
    return read if _spelled(raw) == order_id else None


def origin_of(order_id: str, account_id: str, epochs: Collection[int]) -> Origin:
    """Whose an order is that the venue shows in an account.

    Args:
        order_id: the client order id at the venue.
        account_id: the account.
        epochs: every epoch of the journal, as ``Journal.epochs`` gives them.
    """
    read = read_order_id(order_id)
    if read is None or read.account_hash != account_hash(account_id):
        return Origin.FOREIGN
    return Origin.OWN if read.epoch in epochs else Origin.OTHER_ENGINE


def _digest(account_id: str) -> bytes:
    return hashlib.sha256(account_id.encode()).digest()[:_HASH]


def _spelled(raw: bytes) -> str:
    return PREFIX + base64.b32encode(raw).decode().rstrip("=").lower()
