"""Which rule closes the positions of which asset: one small class for each answer."""

from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from ml4t.core.errors import ConfigError
from ml4t.simulation.exit_rule import ExitRule

__all__ = ["ExitByAsset", "ExitForAll", "Exits", "NoExits", "as_exits"]


class Exits(Protocol):
    """Which rule closes the positions of an asset.

    A rule is a value that several assets may share: what is remembered is remembered with each
    position.
    """

    @property
    def assets(self) -> frozenset[str] | None:
        """The assets that are named; None where none is."""

    def rule_for(self, asset: str) -> ExitRule | None:
        """The rule of ``asset``; None where the strategy alone closes its positions."""


@attrs.frozen
class NoExits:
    """The strategy alone closes positions."""

    @property
    def assets(self) -> frozenset[str] | None:
        """None is named."""
        return None

    def rule_for(self, asset: str) -> ExitRule | None:  # noqa: ARG002
        """None."""
        return None


@attrs.frozen
class ExitForAll:
    """One rule closes the positions of every asset, each on its own.

    Attributes:
        rule: the rule.
    """

    rule: ExitRule

    @property
    def assets(self) -> frozenset[str] | None:
        """None is named."""
        return None

    def rule_for(self, asset: str) -> ExitRule | None:  # noqa: ARG002
        """The rule."""
        return self.rule


def _own(rules: Mapping[str, ExitRule]) -> Mapping[str, ExitRule]:
    return dict(rules)


@attrs.frozen
class ExitByAsset:
    """Each asset has a rule of its own, or none.

    Attributes:
        rules: the rules by symbol; the strategy alone closes positions of other assets.
    """

    rules: Mapping[str, ExitRule] = attrs.field(converter=_own)

    @property
    def assets(self) -> frozenset[str] | None:
        """Those that have a rule."""
        return frozenset(self.rules)

    def rule_for(self, asset: str) -> ExitRule | None:
        """The rule of ``asset``, if it has one."""
        return self.rules.get(asset)


def as_exits(given: Any) -> Exits:
    """``given`` as it is, one rule as :class:`ExitForAll`, a mapping as :class:`ExitByAsset`.

    Raises:
        ConfigError: it is none of them.
    """
    if hasattr(given, "rule_for"):
        exits: Exits = given
        return exits
    if hasattr(given, "decision"):
        return ExitForAll(given)
    if isinstance(given, Mapping):
        return ExitByAsset(given)
    msg = f"exits must be a rule, a mapping of rules by symbol, or NoExits(), was {given!r}"
    raise ConfigError(msg)
