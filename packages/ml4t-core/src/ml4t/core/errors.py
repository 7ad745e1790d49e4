"""Every error this project raises on purpose.

::

    Ml4tError
    ├── InvalidValueError (ValueError)  a field of a value object cannot be what was given
    │   └── InvalidOrderError           an order request that makes no sense for any venue
    ├── ConfigError (ValueError)        a configuration cannot be used as written
    ├── DataError (ValueError)          market data was refused; names the row and the column
    ├── RebalanceError (ValueError)     target weights or the account cannot be turned into orders
    ├── TransitionError                 an order was asked to make an illegal change of status
    ├── UnknownAssetError (KeyError)    the venue does not list the asset
    ├── UnknownOrderError (KeyError)    the venue has no order with that id
    ├── ProtocolError                   an adapter was written for another protocol number
    ├── StrategyError                   the strategy's code raised, or could not be loaded
    ├── VenueUnavailableError           the venue could not be asked: what became of it is not known
    ├── VenueRefusedError               the venue was asked and said no
    ├── CallTimeoutError (TimeoutError) a call was withdrawn before anything was sent
    └── JournalError                    the journal cannot be read, trusted or written

A venue's "no" to a well-formed order is not an exception: the order comes back with status
``REJECTED`` and a reason, since a strategy must be able to go on.
"""

__all__ = [
    "CallTimeoutError",
    "ConfigError",
    "DataError",
    "InvalidOrderError",
    "InvalidValueError",
    "JournalError",
    "Ml4tError",
    "ProtocolError",
    "RebalanceError",
    "StrategyError",
    "TransitionError",
    "UnknownAssetError",
    "UnknownOrderError",
    "VenueRefusedError",
    "VenueUnavailableError",
]


class Ml4tError(Exception):
    """The root of the tree: catch it to catch everything the project raises on purpose."""

    def __str__(self) -> str:
        # KeyError would print the repr of the message, quotes and all.
        return str(self.args[0]) if self.args else type(self).__name__


class InvalidValueError(Ml4tError, ValueError):
    """A field of a value object cannot be what was given; the message names the field."""


class InvalidOrderError(InvalidValueError):
    """An order request that makes no sense for any venue, such as a limit order without a limit."""


class ConfigError(Ml4tError, ValueError):
    """A configuration cannot be used as written; the message names the key."""


class DataError(Ml4tError, ValueError):
    """Market data was refused; the message names the row, the column and what was expected."""


class RebalanceError(Ml4tError, ValueError):
    """Target weights, or the account they are applied to, cannot be turned into orders."""


class TransitionError(Ml4tError):
    """An order was asked to make a change of status that no order can make."""


class UnknownAssetError(Ml4tError, KeyError):
    """The venue does not list the asset."""


class UnknownOrderError(Ml4tError, KeyError):
    """The venue has no order with that id."""


class ProtocolError(Ml4tError):
    """An adapter was written for another protocol number than the installed core speaks."""


class StrategyError(Ml4tError):
    """The strategy's own code raised, or its file holds no usable strategy."""


class VenueUnavailableError(Ml4tError):
    """The venue could not be asked, or its answer did not arrive.

    What became of the request is not known: it is neither a yes nor a no.
    """


class VenueRefusedError(Ml4tError):
    """The venue was asked for something other than an order and said no, such as a revoked key."""


class CallTimeoutError(Ml4tError, TimeoutError):
    """A call was withdrawn in time: nothing was sent and nothing will be."""


class JournalError(Ml4tError):
    """The journal cannot be read, trusted or written; no new order leaves until it can."""
