"""Which faults a run has: at random with a rate, or at a given place."""

from collections.abc import Mapping, Sequence

import attrs

from ml4t.core.errors import ConfigError
from ml4t.live.testing.faults import OPPORTUNITIES, Fault

__all__ = ["After", "At", "FaultPlan"]


@attrs.frozen(kw_only=True)
class At:
    """A fault at the n-th occasion of a kind.

    Attributes:
        call: the name of a call, such as ``"submit"``, or another opportunity, such as
            ``"execution"``.
        number: which one, counted from 1.
        do: the fault.

    Raises:
        ConfigError: the fault cannot be injected there.
    """

    call: str
    do: Fault
    number: int = 1

    def __attrs_post_init__(self) -> None:
        if self.call not in OPPORTUNITIES:
            msg = f"call must be one of {sorted(OPPORTUNITIES)}, was {self.call!r}"
            raise ConfigError(msg)
        if self.call not in self.do.opportunities:
            msg = f"{type(self.do).__name__} cannot be injected at {self.call!r}"
            raise ConfigError(msg)
        if self.number < 1:
            msg = f"number counts from 1, was {self.number}"
            raise ConfigError(msg)


@attrs.frozen(kw_only=True)
class After:
    """A fault at a given time.

    Attributes:
        seconds: after the broker was made.
        do: the fault, of those that strike the venue or the connection as a whole.

    Raises:
        ConfigError: the fault needs an occasion, such as a call.
    """

    seconds: float
    do: Fault

    def __attrs_post_init__(self) -> None:
        if not self.do.opportunities & {"bar", "session"}:
            msg = f"{type(self.do).__name__} needs an occasion: use At"
            raise ConfigError(msg)


@attrs.frozen(kw_only=True)
class FaultPlan:
    """Every fault of a run.

    Attributes:
        rates: the probability per opportunity of the faults that come at random.
        reads: the share of the rate that holds for calls that only ask. A runtime asks all the
            time, and an order would never get through if each question failed as often as it.
        script: the faults that come at a given place.

    Raises:
        ConfigError: a rate is no probability.
    """

    rates: Mapping[type[Fault], float] = attrs.field(factory=dict)
    reads: float = 0.02
    script: Sequence[At | After] = ()

    def __attrs_post_init__(self) -> None:
        for kind, rate in self.rates.items():
            if not 0 <= rate <= 1:
                msg = f"rate of {kind.__name__} must be from 0 to 1, was {rate}"
                raise ConfigError(msg)
        if not 0 <= self.reads <= 1:
            msg = f"reads must be from 0 to 1, was {self.reads}"
            raise ConfigError(msg)

    def __str__(self) -> str:
        """One line that names every fault, for the message of a failed run."""
        rates = [f"{kind.__name__}={rate:.4f}" for kind, rate in self.rates.items()]
        return ", ".join([*rates, *(str(step) for step in self.script)]) or "no faults"
