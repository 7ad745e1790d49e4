"""The rule that every instant in this project carries its timezone."""

from datetime import datetime

from ml4t.core.errors import InvalidValueError

__all__ = ["require_aware"]


def require_aware(instant: datetime, field: str) -> None:
    """Refuse an instant without a timezone.

    Raises:
        InvalidValueError: ``instant`` is not a datetime or is naive; the message names ``field``.
    """
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        msg = f"{field} must be a timezone-aware datetime, was {instant!r}"
        raise InvalidValueError(msg)
