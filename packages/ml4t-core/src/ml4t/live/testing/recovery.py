"""The person who looks after an engine that has stopped trading."""

from contextlib import suppress

from ml4t.core.errors import JournalError, VenueRefusedError, VenueUnavailableError
from ml4t.live.testing.stage import Stage

__all__ = ["Operator", "stated_reason"]

_UNIT = 1e-6


def stated_reason(stage: Stage) -> str | None:
    """Why an engine that does not trade rightly waits for a person; None where it does not."""
    causes = stage.book.causes.values()
    for cause in causes:
        if cause.latched and cause.reason:
            return cause.name
    if "unreconciled" in stage.book.causes and _differs(stage):
        return "unreconciled"
    if "control 16" in stage.book.causes and stage.engine.bars.quarantine.quarantined:
        return "control 16"
    return None


def _differs(stage: Stage) -> bool:
    return any(
        abs(stage.held(asset) - stage.book.held(asset)) > _UNIT for asset in stage.setting.prices
    )


class Operator:
    """Does what a person would do: lifts what the venue restricts, takes over, re-arms.

    Args:
        stage: where.

    Attributes:
        lasting: the causes that come back at once when trading is allowed again.
    """

    lasting = frozenset({"control 14", "control 15", "control 16"})

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def look(self, *, adopt: bool) -> None:
        """Look once.

        Args:
            adopt: whether to take over positions that differ.
        """
        stage = self._stage
        engine = stage.engine
        stage.venue.lift_restriction()
        with suppress(VenueUnavailableError, VenueRefusedError, JournalError):
            if adopt and engine.reconciler.differences:
                await engine.adopt("operator")
            if any(cause.latched for cause in stage.book.causes.values()):
                engine.rearm("operator", "looked at it")
