"""Sums over all assets, kept up to date one asset at a time."""

import attrs

__all__ = ["Share", "Totals"]

_RECOUNT_AFTER = 4096


@attrs.frozen
class Share:
    """What one asset adds to the sums, in money of the account.

    Attributes:
        gross: its worst-case value without sign.
        high, low: its value with sign, if all its buys filled, and if all its sells did.
        reserved: what its open orders may need.
    """

    gross: float
    high: float
    low: float
    reserved: float


class Totals:
    """The sums of the shares of all assets.

    Attributes:
        gross, high, low, reserved: the sums, see :class:`Share`.
        unvalued: assets that are held or ordered and whose value is not known.
        unreserved: assets whose orders may need nobody knows how much.
    """

    __slots__ = (
        "_changes",
        "_shares",
        "gross",
        "high",
        "low",
        "reserved",
        "unreserved",
        "unvalued",
    )

    def __init__(self) -> None:
        self._shares: dict[str, Share] = {}
        self._changes = 0
        self.unvalued: set[str] = set()
        self.unreserved: set[str] = set()
        self.gross = self.high = self.low = self.reserved = 0.0

    def put(self, asset: str, share: Share | None) -> None:
        """Replace what an asset adds; None for nothing."""
        old = self._shares.pop(asset, None)
        if share is not None:
            self._shares[asset] = share
        self._changes += 1
        if self._changes >= _RECOUNT_AFTER:
            # Sums of differences drift by rounding; counting anew now and then costs next to
            # nothing for each change.
            self._recount()
            return
        if old is not None:
            self.gross -= old.gross
            self.high -= old.high
            self.low -= old.low
            self.reserved -= old.reserved
        if share is not None:
            self.gross += share.gross
            self.high += share.high
            self.low += share.low
            self.reserved += share.reserved

    def of(self, asset: str) -> Share | None:
        """What an asset adds; None for nothing."""
        return self._shares.get(asset)

    def _recount(self) -> None:
        shares = self._shares.values()
        self._changes = 0
        self.gross = sum(s.gross for s in shares)
        self.high = sum(s.high for s in shares)
        self.low = sum(s.low for s in shares)
        self.reserved = sum(s.reserved for s in shares)
