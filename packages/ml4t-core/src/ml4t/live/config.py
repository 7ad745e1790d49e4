"""How a live run is set up, apart from its broker."""

import math
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import Constant
from ml4t.core.risk import LiveRiskConfig
from ml4t.core.venue_events import Environment

__all__ = ["ExecutionMode", "LiveConfig", "Timing"]


class ExecutionMode(Constant):
    """Where the orders go.

    ``SHADOW``: into a simulated venue that meets live bars; nothing is sent. ``PAPER``: to a real
    venue's account without money. ``LIVE``: to an account with money.
    """

    SHADOW = "shadow"
    PAPER = "paper"
    LIVE = "live"

    @property
    def environment(self) -> Environment:
        """Whose money an account of this mode must hold."""
        return {
            ExecutionMode.SHADOW: Environment.SIMULATED,
            ExecutionMode.PAPER: Environment.PAPER,
            ExecutionMode.LIVE: Environment.LIVE,
        }[self]


@attrs.frozen(kw_only=True)
class Timing:
    """How long the runtime waits for what, all in seconds.

    Attributes:
        call: for a venue's answer to an order before its fate counts as unknown.
        connect: for a session to open.
        snapshot: for the venue's answer to a question about the account.
        stop: for everything to end after it was asked to.
        bars: after the end of a bar for the bars of all assets.
        resolve: between the two looks that prove that an order never arrived.
        watch: between two looks at the clocks, the kill file and the limits on the account.

    Raises:
        ConfigError: a number is not positive and finite.
    """

    call: float = 5.0
    connect: float = 30.0
    snapshot: float = 10.0
    stop: float = 5.0
    bars: float = 2.0
    resolve: float = 30.0
    watch: float = 0.25

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(Timing):
            seconds = getattr(self, field.name)
            if not 0 < seconds < math.inf:
                msg = f"{field.name} must be a positive number of seconds, was {seconds!r}"
                raise ConfigError(msg)


def _symbols(assets: Iterable[str]) -> tuple[str, ...]:
    return tuple(assets)


@attrs.frozen(kw_only=True)
class LiveConfig:
    """How a live run is set up, apart from its broker.

    Attributes:
        assets: the symbols that the strategy sees, at least one.
        bar_size: how long a bar is; None for one bar a session.
        account: the id of the account; the venue must name the same. In shadow any name.
        mode: where the orders go; nothing is sent unless it says so.
        confirm_account: the account's id once more, which ``LIVE`` asks for.
        state: the folder that keeps journal, lock and kill file, one for each account.
        risk: the limits.
        warmup: how many bars of history the strategy is shown before the first live one.
        name: what the strategy is called in the journal.
        timing: how long the runtime waits for what.
        adopt: whether positions found at the start that the journal does not know are taken over.
        digest: of everything configured, so that a change between runs shows in the journal.
        strategy_hash: of the strategy's file, for the same; "" where it is not known.
        strict: whether a start that cannot become active ends the program.

    Raises:
        ConfigError: a field cannot be what was given; in ``LIVE`` also if the account is not
            confirmed or a mandatory limit is not set.
    """

    assets: tuple[str, ...] = attrs.field(converter=_symbols)
    bar_size: timedelta | None
    account: str = "shadow"
    mode: ExecutionMode = ExecutionMode.SHADOW
    confirm_account: str = ""
    state: Path = attrs.field(default=Path("ml4t-state"), converter=Path)
    risk: LiveRiskConfig = attrs.field(factory=LiveRiskConfig)
    warmup: int = 0
    name: str = "strategy"
    timing: Timing = attrs.field(factory=Timing)
    adopt: bool = False
    digest: str = ""
    strategy_hash: str = ""
    strict: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.assets or len(set(self.assets)) != len(self.assets):
            msg = f"assets must be symbols, each once, was {list(self.assets)}"
            raise ConfigError(msg)
        if self.bar_size is not None and self.bar_size <= timedelta(0):
            msg = f"bar_size must be positive or None for one bar a session, was {self.bar_size}"
            raise ConfigError(msg)
        if self.warmup < 0:
            msg = f"warmup must not be negative, was {self.warmup}"
            raise ConfigError(msg)
        if not self.account:
            msg = "account must name the account, was ''"
            raise ConfigError(msg)
        if self.mode is ExecutionMode.LIVE:
            self._check_live()

    @property
    def limits(self) -> LiveRiskConfig:
        """The risk limits, which know how long the bars of this run are."""
        return attrs.evolve(self.risk, bar_seconds=self.bar_seconds)

    @property
    def bar_seconds(self) -> float:
        """How long a bar is in seconds; a day where there is one a session."""
        return (self.bar_size or timedelta(days=1)).total_seconds()

    def _check_live(self) -> None:
        if self.confirm_account != self.account:
            msg = (
                f"live trading needs confirm_account to repeat the account {self.account!r}, "
                f"was {self.confirm_account!r}"
            )
            raise ConfigError(msg)
        if missing := self.risk.missing():
            msg = (
                f"live trading needs each of these limits, as a number or UNLIMITED: "
                f"{', '.join(missing)}"
            )
            raise ConfigError(msg)
