"""From when on the children of an order work: one small class for each assumption."""

from typing import ClassVar, Protocol

import attrs

__all__ = ["BarAfterEntry", "ChildActivation", "EntryBar"]


class ChildActivation(Protocol):
    """From when on target and stop of a bracket work."""

    @property
    def in_entry_bar(self) -> bool:
        """Whether they may fill in the bar that filled their parent, after it did."""


@attrs.frozen
class EntryBar:
    """They work from the moment at which their parent fills, as at a real venue."""

    in_entry_bar: ClassVar[bool] = True


@attrs.frozen
class BarAfterEntry:
    """They work from the bar after the one that filled their parent."""

    in_entry_bar: ClassVar[bool] = False
