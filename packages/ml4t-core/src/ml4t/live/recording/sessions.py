"""The sessions of a recorded run, by name."""

from ml4t.core.calendar import AlwaysOpen, TradingCalendar

__all__ = ["calendar_name", "calendar_of"]

_ALWAYS = "always"


def calendar_name(calendar: TradingCalendar) -> str:
    """A name from which :func:`calendar_of` makes the same sessions; "" where there is none."""
    if isinstance(calendar, AlwaysOpen):
        return _ALWAYS
    return str(getattr(calendar, "name", ""))


def calendar_of(name: str) -> TradingCalendar | None:
    """The sessions of that name; None without a name.

    Raises:
        ConfigError: the extra that knows exchanges is not installed.
        InvalidValueError: there is no exchange of that name.
    """
    if name == _ALWAYS:
        return AlwaysOpen()
    if not name:
        return None
    from ml4t.core.exchange_sessions import ExchangeSessions  # noqa: PLC0415 - an extra

    return ExchangeSessions(name)
