"""What a strategy needs of a venue, told before it runs, and the venues by name."""

from collections.abc import Iterable
from importlib.metadata import entry_points

import attrs

from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import OrderType, TimeInForce

__all__ = ["GROUP", "Needs", "find_capabilities", "require_needs"]

GROUP = "ml4t.capabilities"


def _orders(kinds: Iterable[OrderType]) -> frozenset[OrderType]:
    return frozenset(kinds)


def _times(times: Iterable[TimeInForce]) -> frozenset[TimeInForce]:
    return frozenset(times)


_ABILITIES = {
    "fractional": "quantities with fractions",
    "short_selling": "short sales",
    "replace_orders": "orders that are changed in place",
    "order_groups": "brackets and other groups of orders",
}


@attrs.frozen(kw_only=True)
class Needs:
    """What a strategy will ask of its venue, as the class attribute ``needs`` of the strategy.

    A run on a venue that lacks any of it is refused before the first bar. A strategy that declares
    nothing hears of it at the first order that the venue refuses.

    Attributes:
        order_types: the types of order it sends.
        times_in_force: how long its orders work.
        fractional: whether it orders fractions.
        short_selling: whether it sells more than it holds.
        replace_orders: whether it changes orders in place.
        order_groups: whether it sends brackets or orders that hang together otherwise.

    >>> venue = Capabilities(order_types=[OrderType.MARKET], times_in_force=[TimeInForce.DAY])
    >>> Needs(order_types=[OrderType.STOP], fractional=True).missing_in(venue)
    ('STOP orders', 'quantities with fractions')
    """

    order_types: frozenset[OrderType] = attrs.field(default=(), converter=_orders)
    times_in_force: frozenset[TimeInForce] = attrs.field(default=(), converter=_times)
    fractional: bool = False
    short_selling: bool = False
    replace_orders: bool = False
    order_groups: bool = False

    def missing_in(self, venue: Capabilities) -> tuple[str, ...]:
        """Everything needed that the venue does not offer, in words; empty where it has it all."""
        kinds = [k for k in OrderType if k in self.order_types - venue.order_types]
        times = [t for t in TimeInForce if t in self.times_in_force - venue.times_in_force]
        return (
            *(f"{kind.name} orders" for kind in kinds),
            *(f"time in force {time.name}" for time in times),
            *(
                words
                for name, words in _ABILITIES.items()
                if getattr(self, name) and not getattr(venue, name)
            ),
        )


def require_needs(needs: Needs, venue: Capabilities, *, strategy: str, name: str) -> None:
    """Refuse a strategy on a venue that lacks what the strategy needs.

    Args:
        needs: what the strategy declares.
        venue: what the venue offers.
        strategy: what the strategy is called in the message.
        name: what the venue is called in the message.

    Raises:
        ConfigError: names everything that is missing.
    """
    if missing := needs.missing_in(venue):
        msg = f"{strategy} needs what {name} does not offer: {', '.join(missing)}"
        raise ConfigError(msg)


def find_capabilities(name: str) -> Capabilities:
    """What the venue of an installed wheel accepts, without connecting to it.

    A wheel offers it with an entry point in the group ``ml4t.capabilities``, under the name of its
    broker.

    Raises:
        ConfigError: no installed wheel offers it, or it cannot be imported.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none: install a broker's wheel"
        msg = f"no installed package says what a venue {name!r} accepts; known are {known}"
        raise ConfigError(msg)
    try:
        capabilities = found[name].load()
    except (ImportError, AttributeError) as error:
        msg = f"what {name!r} accepts cannot be loaded from {found[name].value}: {error}"
        raise ConfigError(msg) from error
    if not isinstance(capabilities, Capabilities):
        msg = f"{found[name].value} is no Capabilities but {type(capabilities).__name__}"
        raise ConfigError(msg)
    return capabilities
