"""The brokers of the installed wheels, found by entry point.

An adapter's wheel names its broker class in the group ``ml4t.brokers``; the name is what a user
writes to choose it.
"""

from importlib.metadata import entry_points

from ml4t.core.errors import ConfigError
from ml4t.core.protocol import check_protocol

__all__ = ["GROUP", "find_broker"]

GROUP = "ml4t.brokers"


def find_broker(name: str) -> type:
    """The broker class that an installed wheel offers under ``name``.

    Raises:
        ConfigError: no installed wheel offers it, or it cannot be imported.
        ProtocolError: it was written for another protocol number.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        msg = f"no installed package offers a broker {name!r}; offered are {known}"
        raise ConfigError(msg)
    try:
        broker: type = found[name].load()
    except (ImportError, AttributeError) as error:
        msg = f"the broker {name!r} cannot be loaded from {found[name].value}: {error}"
        raise ConfigError(msg) from error
    check_protocol(broker)
    return broker
