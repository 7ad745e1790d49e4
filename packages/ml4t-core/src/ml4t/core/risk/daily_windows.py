"""Times of day at which nothing is sent."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from ml4t.core.errors import ConfigError

__all__ = ["DailyWindow"]

_MARGIN = timedelta(seconds=60)
_DAY = timedelta(days=1)
_TEXT = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d) (\S+)")


@attrs.frozen
class DailyWindow:
    """A part of every day in one time zone, such as the restart of a gateway.

    It may span midnight. A minute on each side belongs to it, since clocks differ.

    Attributes:
        begins, ends: the time of day in ``zone``.
        zone: a name of the IANA database.

    >>> DailyWindow.of("23:45-23:46 America/New_York").zone
    'America/New_York'
    """

    begins: time
    ends: time
    zone: str = attrs.field()
    _info: ZoneInfo = attrs.field(init=False, eq=False, repr=False)

    @_info.default
    def _find_zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = f"{self.zone!r} is no time zone"
            raise ConfigError(msg) from error

    @classmethod
    def of(cls, text: str) -> "DailyWindow":
        """The window that ``"HH:MM-HH:MM Zone/Name"`` describes.

        Raises:
            ConfigError: the text describes none.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            msg = f"a window must be written HH:MM-HH:MM Zone/Name, was {text!r}"
            raise ConfigError(msg)
        try:
            return cls(time.fromisoformat(match[1]), time.fromisoformat(match[2]), match[3])
        except ValueError as error:
            msg = f"a window must be written HH:MM-HH:MM Zone/Name, was {text!r}: {error}"
            raise ConfigError(msg) from error

    def holds(self, instant: datetime) -> bool:
        """Whether a timezone-aware instant lies in it or within a minute of it."""
        local = instant.astimezone(self._info)
        since = local - datetime.combine(local.date(), self.begins, self._info) + _MARGIN
        length = datetime.combine(local.date(), self.ends) - datetime.combine(
            local.date(), self.begins
        )
        return since % _DAY <= length % _DAY + 2 * _MARGIN

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M} {self.zone}"
