"""The number of the protocol, and its one check."""

from ml4t.core.errors import ProtocolError

__all__ = ["PROTOCOL", "check_protocol"]

PROTOCOL = 1
"""The protocol that this core speaks.

Within one number everything is additive: new optional capabilities, new fields with defaults.
Removing or requiring anything raises it.
"""


def check_protocol(adapter: object) -> None:
    """Refuse an adapter, or a class of adapters, that was written for another protocol number.

    The number is the adapter's attribute ``protocol``.

    Raises:
        ProtocolError: the numbers differ, or the adapter states none; says which side to upgrade.
    """
    cls = adapter if isinstance(adapter, type) else type(adapter)
    name = f"{cls.__qualname__} of {cls.__module__}"
    number = getattr(adapter, "protocol", None)
    if number == PROTOCOL:
        return
    if not isinstance(number, int):
        msg = f"{name} states no protocol number: give it `protocol = {PROTOCOL}`"
        raise ProtocolError(msg)
    older = "ml4t-core" if number > PROTOCOL else f"the package of {cls.__module__}"
    msg = f"{name} speaks protocol {number}, ml4t-core speaks {PROTOCOL}: upgrade {older}"
    raise ProtocolError(msg)
