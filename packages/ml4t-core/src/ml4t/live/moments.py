"""The present as the risk rules see it."""

from datetime import datetime

from ml4t.core.calendar import SessionSchedule, TradingCalendar, next_opening
from ml4t.core.risk import Moment
from ml4t.live.clock import Clock

__all__ = ["Moments"]


class Moments:
    """Puts clock and calendar together.

    Args:
        clock: the present.
        calendar: the sessions.
    """

    def __init__(self, clock: Clock, calendar: TradingCalendar) -> None:
        self._clock = clock
        self._calendar = calendar
        # Asked once: it takes longer than all the rest.
        self._knows_openings = isinstance(calendar, SessionSchedule)

    def now(self) -> Moment:
        """The present."""
        instant = self._clock.now()
        session = self._calendar.session_of(instant)
        return Moment(
            monotonic=self._clock.monotonic(),
            instant=instant,
            session=session,
            is_regular=session is not None,
            next_opens=self._next_opening(instant) if session is None else None,
        )

    def _next_opening(self, instant: datetime) -> datetime | None:
        return next_opening(self._calendar, instant) if self._knows_openings else None
