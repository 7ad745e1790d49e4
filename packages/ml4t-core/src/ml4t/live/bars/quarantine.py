"""The gate that every live bar passes: what cannot be right is kept away from the strategy."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import attrs

from ml4t.core.bars import Bar
from ml4t.core.calendar import TradingCalendar
from ml4t.core.errors import DataError, InvalidValueError
from ml4t.core.order_requests import Constant
from ml4t.core.raw_bars import BarFault, RawBar, bar_or_fault
from ml4t.core.times import require_aware

__all__ = ["Admitted", "BarQuarantine", "BarRules", "Dropped", "Fault", "Quarantined"]

_AHEAD = timedelta(seconds=2)
_CONSISTENT = 3
_RECORDED = 256
_REMEMBERED = 32
_NEAR = 1 + 1e-12  # a move of the very limit is allowed, however its digits round


class Fault(Constant):
    """What is wrong with a bar that is not shown to the strategy.

    The last three leave the asset alone; all others quarantine it.
    """

    IMPOSSIBLE = "numbers that no bar can have"
    MOVE = "moved further than max_bar_move"
    REVERSED = "its time goes back"
    FUTURE = "more than 2 s ahead of the clock"
    CHANGED = "another bar for an instant that has one"
    LATE = "its instant was handed over already"
    PROBATION = "the asset is in quarantine"
    DUPLICATE = "the same bar again"
    OUTSIDE_SESSION = "in no session"
    UNKNOWN_ASSET = "none of the assets"


@attrs.frozen(kw_only=True)
class BarRules:
    """What a bar must be like.

    Attributes:
        max_bar_move: how far, as a fraction, a price of a bar may be from the close of the bar
            before it; ``math.inf`` for any distance.
        needs_volume: whether a bar without a volume is faulty.

    Raises:
        InvalidValueError: the move is not positive.
    """

    max_bar_move: float = 0.25
    needs_volume: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.max_bar_move > 0:
            msg = f"max_bar_move must be positive, was {self.max_bar_move}"
            raise InvalidValueError(msg)


@attrs.frozen(kw_only=True)
class Admitted:
    """A bar that the strategy may see.

    Attributes:
        bar: the bar.
        released: whether this bar ended the quarantine of its asset.
    """

    bar: Bar
    released: bool = False


@attrs.frozen(kw_only=True)
class Quarantined:
    """A bar that is kept away from the strategy, and its asset from new risk.

    Attributes:
        asset: the symbol.
        timestamp: of the bar; None where it has none that can be read.
        fault: what is wrong.
        reason: the same in words, with the numbers.
        is_new: whether the asset was not in quarantine before.
    """

    asset: str
    timestamp: datetime | None
    fault: Fault
    reason: str
    is_new: bool


@attrs.frozen(kw_only=True)
class Dropped:
    """A bar that is left out without harm to its asset.

    Attributes:
        asset: the symbol.
        timestamp: of the bar; None where it has none that can be read.
        fault: what is wrong.
        reason: the same in words.
    """

    asset: str
    timestamp: datetime | None
    fault: Fault
    reason: str


@attrs.define
class _Watched:
    """What the gate knows of one asset.

    Attributes:
        recent: the latest bars in the order of time, to tell one that is sent again.
        trusted: the close of the latest bar that was admitted; None before the first.
        previous: the close of the latest bar in the order of time, admitted or not.
        streak: how many consistent bars in a row there were in quarantine.
        any_price: whether the next bar may be at any price.
    """

    recent: deque[Bar] = attrs.field(factory=lambda: deque(maxlen=_REMEMBERED))
    trusted: float | None = None
    previous: float | None = None
    streak: int = 0
    any_price: bool = False

    def has_seen(self, bar: Bar) -> bool:
        """Whether this very bar was here before."""
        if not self.recent or self.recent[-1].timestamp < bar.timestamp:
            return False
        return bar in self.recent


class BarQuarantine:
    """Admits bars that can be right, and quarantines assets whose bars cannot.

    A bar is refused, and its asset quarantined, if its numbers are impossible, a price of it is
    further than ``max_bar_move`` from the close before, its time goes back, lies more than 2 s
    ahead of the clock or was handed over to the strategy already, or if it differs from a bar of
    the same instant. The same bar again is left out and counted.

    The night between two sessions is no excuse for a move, since that is when a split that nobody
    adjusted for shows. A known halt is: see :meth:`note_halt`.

    In quarantine the bars of the asset are held back. The third in a row that is consistent ends it
    and is admitted; so does a person, with :meth:`release`. A bar is consistent if nothing is wrong
    with its time and numbers and it is within ``max_bar_move`` of the bar before; the first of them
    may follow either the refused bar or the last one that was admitted.

    What it holds is bounded, whatever arrives.

    Args:
        assets: the symbols; bars of others are left out.
        rules: what a bar must be like.
        calendar: the sessions; bars outside of all are left out.

    Attributes:
        record: the last 256 bars that were not admitted, oldest first.
        counts: how many there were of each fault.
        quarantined: why, for each asset that is in quarantine.
    """

    __slots__ = (
        "_calendar",
        "_counts",
        "_handed_over",
        "_quarantined",
        "_record",
        "_rules",
        "_watched",
    )

    def __init__(self, assets: Iterable[str], rules: BarRules, calendar: TradingCalendar) -> None:
        self._rules = rules
        self._calendar = calendar
        self._watched = {asset: _Watched() for asset in assets}
        self._quarantined: dict[str, str] = {}
        self._counts: Counter[Fault] = Counter()
        self._record: deque[Quarantined | Dropped] = deque(maxlen=_RECORDED)
        self._handed_over: datetime | None = None

    @property
    def quarantined(self) -> Mapping[str, str]:
        """Why, for each asset that is in quarantine; a live view."""
        return MappingProxyType(self._quarantined)

    @property
    def counts(self) -> Mapping[Fault, int]:
        """How many bars there were of each fault; a live view."""
        return MappingProxyType(self._counts)

    @property
    def record(self) -> Sequence[Quarantined | Dropped]:
        """The last 256 bars that were not admitted, oldest first."""
        return tuple(self._record)

    def admit(self, bar: Bar | RawBar, now: datetime) -> Admitted | Quarantined | Dropped:
        """Judge a bar that has arrived; bad data never raise.

        Args:
            bar: the bar, or what the feed sent as one.
            now: the wall clock.

        Raises:
            InvalidValueError: ``now`` is naive.
        """
        require_aware(now, "now")
        watched = self._watched.get(bar.asset)
        if watched is None:
            return self._drop(bar, Fault.UNKNOWN_ASSET, f"{bar.asset!r} is none of the assets")
        whole = bar if isinstance(bar, Bar) else bar_or_fault(bar)
        if isinstance(whole, BarFault):
            return self._quarantine(bar, Fault.IMPOSSIBLE, whole.reason)
        if watched.has_seen(whole):
            return self._drop(whole, Fault.DUPLICATE, "the same bar was here before")
        if wrong := self._wrong(whole, watched, now):
            return self._quarantine(whole, *wrong)
        if not self._is_in_session(whole):
            return self._drop(whole, Fault.OUTSIDE_SESSION, "the bar is in no session")
        return self._judge_order(whole, watched)

    def seed(self, bar: Bar) -> None:
        """Take the last bar of the history as the one before the first that will arrive.

        Raises:
            InvalidValueError: the asset is none of those that are watched.
        """
        watched = self._of(bar.asset)
        watched.recent.append(bar)
        watched.trusted = watched.previous = bar.close

    def note_handed_over(self, timestamp: datetime) -> None:
        """The bars of this instant were given to the strategy: others for it are late.

        Raises:
            InvalidValueError: the timestamp is naive.
        """
        require_aware(timestamp, "timestamp")
        self._handed_over = timestamp.astimezone(UTC)

    def note_halt(self, asset: str) -> None:
        """Trading in an asset is halted: the first bar after it may be at any price.

        Raises:
            InvalidValueError: the asset is none of those that are watched.
        """
        self._of(asset).any_price = True

    def release(self, asset: str) -> bool:
        """End the quarantine of an asset on the word of a person; its next price is trusted.

        Returns:
            Whether it was in quarantine.

        Raises:
            InvalidValueError: the asset is none of those that are watched.
        """
        watched = self._of(asset)
        if self._quarantined.pop(asset, None) is None:
            return False
        watched.streak = 0
        watched.any_price = True
        return True

    def _of(self, asset: str) -> _Watched:
        watched = self._watched.get(asset)
        if watched is None:
            msg = f"asset must be among {sorted(self._watched)}, was {asset!r}"
            raise InvalidValueError(msg)
        return watched

    def _is_in_session(self, bar: Bar) -> bool:
        try:
            return self._calendar.session_of(bar.timestamp.astimezone(UTC)) is not None
        except DataError:
            # So long ago that the calendar does not reach it.
            return False

    def _wrong(self, bar: Bar, watched: _Watched, now: datetime) -> tuple[Fault, str] | None:
        """What is wrong with a bar by itself, or with its time."""
        if self._rules.needs_volume and bar.volume is None:
            return Fault.IMPOSSIBLE, "the bar has no volume"
        instant = bar.timestamp.astimezone(UTC)
        if instant > now.astimezone(UTC) + _AHEAD:
            return Fault.FUTURE, f"complete at {instant.isoformat()}, now is {now.isoformat()}"
        if watched.recent:
            last = watched.recent[-1].timestamp.astimezone(UTC)
            if instant == last:
                return Fault.CHANGED, f"another bar of {last.isoformat()} was here before"
            if instant < last:
                return Fault.REVERSED, f"a bar of {last.isoformat()} was here before"
        return None

    def _judge_order(self, bar: Bar, watched: _Watched) -> Admitted | Quarantined:
        watched.recent.append(bar)
        over = self._handed_over
        if over is not None and bar.timestamp.astimezone(UTC) <= over:
            reason = f"bars until {over.isoformat()} were handed over before it came"
            return self._quarantine(bar, Fault.LATE, reason)
        return self._judge_prices(bar, watched)

    def _judge_prices(self, bar: Bar, watched: _Watched) -> Admitted | Quarantined:
        asset = bar.asset
        previous, watched.previous = watched.previous, bar.close
        free, watched.any_price = watched.any_price, False
        held = asset in self._quarantined
        move = 0.0 if free or previous is None else _move(bar, previous)
        if held and watched.streak == 0 and watched.trusted is not None:
            move = min(move, _move(bar, watched.trusted))
        if move > self._rules.max_bar_move * _NEAR:
            reason = (
                f"a price is {move:.1%} from {previous}, allowed {self._rules.max_bar_move:.1%}"
            )
            return self._quarantine(bar, Fault.MOVE, reason)
        if held:
            watched.streak += 1
            if watched.streak < _CONSISTENT:
                return self._hold_back(bar, watched.streak)
            del self._quarantined[asset]
            watched.streak = 0
        watched.trusted = bar.close
        return Admitted(bar=bar, released=held)

    def _hold_back(self, bar: Bar, streak: int) -> Quarantined:
        reason = f"consistent bar {streak} of {_CONSISTENT} in quarantine"
        return self._note(
            Quarantined(
                asset=bar.asset,
                timestamp=bar.timestamp,
                fault=Fault.PROBATION,
                reason=reason,
                is_new=False,
            )
        )

    def _quarantine(self, bar: Bar | RawBar, fault: Fault, reason: str) -> Quarantined:
        is_new = bar.asset not in self._quarantined
        self._watched[bar.asset].streak = 0
        self._quarantined[bar.asset] = f"{fault.value}: {reason}"
        return self._note(
            Quarantined(
                asset=bar.asset,
                timestamp=_timestamp(bar),
                fault=fault,
                reason=reason,
                is_new=is_new,
            )
        )

    def _drop(self, bar: Bar | RawBar, fault: Fault, reason: str) -> Dropped:
        dropped = Dropped(asset=bar.asset, timestamp=_timestamp(bar), fault=fault, reason=reason)
        self._counts[fault] += 1
        self._record.append(dropped)
        return dropped

    def _note(self, quarantined: Quarantined) -> Quarantined:
        self._counts[quarantined.fault] += 1
        self._record.append(quarantined)
        return quarantined


def _move(bar: Bar, close: float) -> float:
    """How far the furthest price of a bar is from a close, as a fraction of it."""
    return max(bar.high - close, close - bar.low) / close


def _timestamp(bar: Bar | RawBar) -> datetime | None:
    return bar.timestamp if isinstance(bar.timestamp, datetime) else None
