"""The risk limits of an account, one field for each number."""

# ruff: noqa: RUF009 - what is called here makes fields, not defaults

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import Constant
from ml4t.core.risk.daily_windows import DailyWindow

__all__ = [
    "MANDATORY",
    "UNLIMITED",
    "Limit",
    "LiveRiskConfig",
    "SelfTrade",
    "StrategyFault",
    "Unlimited",
    "bound",
]


class Unlimited(Constant):
    """The one value that says: no limit, on purpose."""

    UNLIMITED = "UNLIMITED"


UNLIMITED: Final = Unlimited.UNLIMITED

Limit: TypeAlias = float | Literal[Unlimited.UNLIMITED] | None
"""A number, ``UNLIMITED`` for none on purpose, or None where nobody has said."""

MANDATORY = (
    "max_order_shares",
    "max_order_value",
    "max_position_shares",
    "max_position_value",
    "max_total_exposure",
    "allowed_assets",
    "max_daily_loss",
)
"""What a live run must set or set to ``UNLIMITED``."""


class SelfTrade(Constant):
    """What happens to an order that could trade against an order of its own account.

    ``DENY``: it is refused. ``CANCEL_RESTING``: it is refused, the orders in its way are cancelled,
    and it may be sent again when they have ended.
    """

    DENY = "deny"
    CANCEL_RESTING = "cancel_resting"


class StrategyFault(Constant):
    """What an exception in the strategy does: ``REDUCE`` until re-armed, or ``HALT``."""

    REDUCE = "reduce"
    HALT = "halt"


def bound(limit: Limit) -> float:
    """The limit as a number to compare with; infinity where there is none."""
    return math.inf if limit is None or limit is UNLIMITED else limit


def _limit(value: object) -> Limit:
    if value is None or value is UNLIMITED:
        return None if value is None else UNLIMITED
    if value == UNLIMITED.value:
        return UNLIMITED
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        msg = f'a limit must be a positive number or "UNLIMITED", was {value!r}'
        raise ConfigError(msg)
    return float(value)


def _assets(value: object) -> frozenset[str] | Literal[Unlimited.UNLIMITED] | None:
    if value is None or value is UNLIMITED or value == UNLIMITED.value:
        return None if value is None else UNLIMITED
    if isinstance(value, str) or not isinstance(value, Iterable):
        msg = f'allowed_assets must be a list of symbols or "UNLIMITED", was {value!r}'
        raise ConfigError(msg)
    return frozenset(str(symbol) for symbol in value)


def _symbols(value: Iterable[str]) -> frozenset[str]:
    if isinstance(value, str):
        msg = f"a list of symbols was expected, was {value!r}"
        raise ConfigError(msg)
    return frozenset(value)


def _windows(value: Iterable[DailyWindow | str]) -> tuple[DailyWindow, ...]:
    return tuple(w if isinstance(w, DailyWindow) else DailyWindow.of(w) for w in value)


def _member(kind: type[Constant]) -> Callable[[object], Constant]:
    def convert(value: object) -> Constant:
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(member.value for member in kind)
            msg = f"{kind.__name__} must be one of {known}, was {value!r}"
            raise ConfigError(msg) from None

    return convert


def _least(default: float) -> float:
    """A number of which less is looser."""

    def convert(value: float) -> float:
        if isinstance(value, bool) or not 0 <= value < math.inf:
            msg = f"a number that is finite and not negative was expected, was {value!r}"
            raise ConfigError(msg)
        return float(value)

    number: float = attrs.field(default=default, converter=convert, metadata={"looser": "less"})
    return number


def _most(default: Limit = None) -> Limit:
    """A limit of which more is looser."""
    limit: Limit = attrs.field(default=default, converter=_limit, metadata={"looser": "more"})
    return limit


def _switch(*, loose: bool, default: bool = False) -> bool:
    """A switch, and in which position it allows more."""

    def convert(value: bool) -> bool:  # noqa: FBT001 - attrs calls it
        if not isinstance(value, bool):
            msg = f"true or false was expected, was {value!r}"
            raise ConfigError(msg)
        return value

    switch: bool = attrs.field(default=default, converter=convert, metadata={"loose": loose})
    return switch


@attrs.frozen(kw_only=True)
class LiveRiskConfig:
    """What an account may do. None means that nobody has said, and is not checked.

    A live run starts only when :meth:`missing` is empty. Fields that end in ``_pct`` are percent:
    5 is five in a hundred. Money is in ``currency``, times are in seconds.

    Attributes:
        currency: ISO 4217 code of the account's money.
        bar_seconds: the size of the bars that the strategy trades on.
        max_order_shares: units of one order.
        max_order_value: money of one order at the worst price it may fill at.
        market_buffer: how much worse than the last price a market order may fill, as a ratio.
        max_price_deviation_pct: how far on the marketable side of the reference price.
        far_limit_pct: how far on the other side.
        max_spread_pct: the widest spread in which a market order leaves, where a spread is known.
        market_as_limit: send market orders as limit orders at the edge of the collar.
        max_position_shares, max_position_value: of one asset, if every open order filled.
        max_total_exposure: money of all positions without sign, if every open order filled.
        max_net_exposure: money of all positions with sign, if the worse side filled.
        max_leverage: total exposure as a multiple of equity.
        max_positions: assets held or about to be.
        allowed_assets: what may be traded at all.
        max_working_orders: open orders of the account.
        max_working_orders_per_side: open orders of one asset and side.
        max_orders_per_minute: new and changed orders.
        max_messages_per_second: new, changed and cancelled orders; a quarter is kept for cancels.
        dedup_window_seconds: how long the same order cannot be sent again.
        max_repeat, repeat_seconds: orders of one asset and side without a fill, and within what.
        max_rejects: refusals by the venue in a row.
        max_round_trips_per_hour: positions opened and closed again.
        max_daily_loss: money lost since the session began, open positions included.
        flatten_on_loss: close all positions when it is reached.
        max_account_age_seconds: how old cash and equity may be.
        max_drawdown_pct: of the highest equity ever, cash flows taken out.
        max_data_staleness_seconds: how old the last price of an asset may be; None for two and a
            half bars.
        max_stale_share_pct: of the assets may be stale before trading is reduced.
        max_bar_move: return from bar to bar beyond which a bar is not believed, as a ratio.
        disconnect_seconds: without a heartbeat until the venue counts as lost.
        self_trade: what happens to an order that could meet one of its own account.
        restricted_assets: what may only be sold off; with ``restricted_hard`` not even that.
        regular_hours_only: no orders outside of the session, except for its opening auction.
        moc_cutoff_seconds, moo_cutoff_seconds: before the auction, until when its orders leave.
        blackouts: times of day at which nothing is sent, such as ``"23:45-23:46
            America/New_York"``; a minute is added on each side.
        allow_short: positions may become negative, where the venue can lend.
        allow_flip: a reversal may be sent as two orders, see ``split_flip``.
        check_buying_power: new orders must be covered by the account.
        reconcile_seconds: between two comparisons with the venue.
        mismatch_seconds: how long a difference may last.
        max_unknown_orders, max_unknown_orders_per_asset: whose fate nobody can say.
        max_clock_skew_seconds, max_clock_jump_seconds: against the venue and against itself.
        strategy_error: what an exception in the strategy does.
        max_strategy_errors: in one session until trading is halted.
        max_call_value: money of all orders of one call that open risk.
        max_hourly_value: money of all orders within an hour that open risk.

    Raises:
        ConfigError: a number is negative, NaN or of another type, or two fields contradict.

    >>> LiveRiskConfig(max_order_shares=100, max_daily_loss=UNLIMITED).missing()[:2]
    ('max_order_value', 'max_position_shares')
    """

    currency: str = "USD"
    bar_seconds: float = attrs.field(default=60.0, converter=float)
    max_order_shares: Limit = _most()
    max_order_value: Limit = _most()
    market_buffer: float = _least(0.03)
    max_price_deviation_pct: Limit = _most(5.0)
    far_limit_pct: Limit = _most(20.0)
    max_spread_pct: Limit = _most(2.0)
    market_as_limit: bool = _switch(loose=False)
    max_position_shares: Limit = _most()
    max_position_value: Limit = _most()
    max_total_exposure: Limit = _most()
    max_net_exposure: Limit = _most()
    max_leverage: Limit = _most()
    max_positions: Limit = _most(20.0)
    allowed_assets: frozenset[str] | Literal[Unlimited.UNLIMITED] | None = attrs.field(
        default=None, converter=_assets
    )
    max_working_orders: Limit = _most(100.0)
    max_working_orders_per_side: Limit = _most(15.0)
    max_orders_per_minute: Limit = _most(10.0)
    max_messages_per_second: Limit = _most(3.0)
    dedup_window_seconds: float = _least(1.0)
    max_repeat: Limit = _most(5.0)
    repeat_seconds: float = _least(60.0)
    max_rejects: Limit = _most(5.0)
    max_round_trips_per_hour: Limit = _most()
    max_daily_loss: Limit = _most()
    flatten_on_loss: bool = _switch(loose=False)
    max_account_age_seconds: Limit = _most(60.0)
    max_drawdown_pct: Limit = _most(5.0)
    max_data_staleness_seconds: Limit = _most()
    max_stale_share_pct: Limit = _most(50.0)
    max_bar_move: Limit = _most(0.25)
    disconnect_seconds: Limit = _most(10.0)
    self_trade: SelfTrade = attrs.field(
        default=SelfTrade.DENY,
        converter=_member(SelfTrade),  # type: ignore[misc]
    )
    restricted_assets: frozenset[str] = attrs.field(default=frozenset(), converter=_symbols)
    restricted_hard: bool = _switch(loose=False)
    regular_hours_only: bool = _switch(loose=False, default=True)
    moc_cutoff_seconds: float = _least(600.0)
    moo_cutoff_seconds: float = _least(120.0)
    blackouts: tuple[DailyWindow, ...] = attrs.field(default=(), converter=_windows)
    allow_short: bool = _switch(loose=True)
    allow_flip: bool = _switch(loose=True)
    check_buying_power: bool = _switch(loose=False, default=True)
    reconcile_seconds: Limit = _most(30.0)
    mismatch_seconds: Limit = _most(10.0)
    max_unknown_orders: Limit = _most(3.0)
    max_unknown_orders_per_asset: Limit = _most(1.0)
    max_clock_skew_seconds: Limit = _most(2.0)
    max_clock_jump_seconds: Limit = _most(1.0)
    strategy_error: StrategyFault = attrs.field(
        default=StrategyFault.REDUCE,
        converter=_member(StrategyFault),  # type: ignore[misc]
    )
    max_strategy_errors: Limit = _most(3.0)
    max_call_value: Limit = _most()
    max_hourly_value: Limit = _most()

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.currency, str) or len(self.currency) != 3:  # noqa: PLR2004
            msg = f"currency must be a three-letter code, was {self.currency!r}"
            raise ConfigError(msg)
        if not 0 < self.bar_seconds < math.inf:
            msg = f"bar_seconds must be positive and finite, was {self.bar_seconds}"
            raise ConfigError(msg)
        if self.market_as_limit and bound(self.max_price_deviation_pct) == math.inf:
            msg = "market_as_limit needs max_price_deviation_pct: a limit at its edge is sent"
            raise ConfigError(msg)
        if bound(self.max_messages_per_second) < 2:  # noqa: PLR2004
            msg = (
                "max_messages_per_second must be 2 or more, since a quarter is kept for cancels, "
                f"was {self.max_messages_per_second}"
            )
            raise ConfigError(msg)

    @property
    def staleness_seconds(self) -> float:
        """How old the last price of an asset may be in its session; infinity for UNLIMITED."""
        if self.max_data_staleness_seconds is None:
            return 2.5 * self.bar_seconds
        return bound(self.max_data_staleness_seconds)

    def missing(self) -> tuple[str, ...]:
        """The limits that a live run must set, or set to ``UNLIMITED``, and that are not."""
        return tuple(name for name in MANDATORY if getattr(self, name) is None)

    def tightened_only(self, old: "LiveRiskConfig") -> list[str]:
        """The fields that allow more here than in ``old``; empty where all are as tight."""
        return [field.name for field in attrs.fields(LiveRiskConfig) if self._looser(old, field)]

    def _looser(self, old: "LiveRiskConfig", field: "attrs.Attribute[object]") -> bool:
        new, before = getattr(self, field.name), getattr(old, field.name)
        if field.name in _SETS:
            return _SETS[field.name](new, before)
        if "loose" in field.metadata:
            loose: bool = field.metadata["loose"]
            return new is loose and before is not loose
        if field.metadata.get("looser") == "less":
            return bool(new < before)
        if field.name == "max_data_staleness_seconds":
            return self.staleness_seconds > old.staleness_seconds
        return field.metadata.get("looser") == "more" and bound(new) > bound(before)

    @classmethod
    def of(cls, table: Mapping[str, object]) -> "LiveRiskConfig":
        """The limits that a table of plain values describes, such as one read from TOML.

        Raises:
            ConfigError: a key is not known or a value cannot be; the message names the key.

        >>> LiveRiskConfig.of({"max_order_value": "UNLIMITED"}).max_order_value
        <Unlimited.UNLIMITED: 'UNLIMITED'>
        """
        known = {field.name for field in attrs.fields(cls)}
        if unknown := sorted(table.keys() - known):
            msg = f"unknown risk limit {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            raise ConfigError(msg)
        make: Callable[..., LiveRiskConfig] = cls
        for name, value in table.items():
            # One at a time, so that a message can say which one it was.
            try:
                make(**{name: value})
            except (ConfigError, TypeError, ValueError) as error:
                msg = f"{name}: {error}"
                raise ConfigError(msg) from error
        return make(**table)

    def to_table(self) -> dict[str, object]:
        """The table of plain values from which :meth:`of` makes these limits, without defaults.

        >>> LiveRiskConfig(max_order_value=UNLIMITED, allowed_assets=["B", "A"]).to_table()
        {'max_order_value': 'UNLIMITED', 'allowed_assets': ['A', 'B']}
        """
        default = LiveRiskConfig()
        return {
            field.name: _plain(value)
            for field in attrs.fields(LiveRiskConfig)
            if (value := getattr(self, field.name)) != getattr(default, field.name)
        }

    def as_text(self) -> dict[str, str]:
        """Every limit by name in words, for the journal and for people."""
        return {f.name: _text(getattr(self, f.name)) for f in attrs.fields(LiveRiskConfig)}


def _plain(value: object) -> object:
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, frozenset | tuple):
        return sorted(str(item) for item in value)
    return value


def _text(value: object) -> str:
    if isinstance(value, Constant):
        return str(value.value)
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(str(item) for item in value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _allows_more(new: object, old: object) -> bool:
    if not isinstance(new, frozenset):
        return isinstance(old, frozenset)
    return isinstance(old, frozenset) and not new <= old


_SETS: dict[str, Callable[..., bool]] = {
    "allowed_assets": _allows_more,
    "restricted_assets": lambda new, old: not new >= old,
    "blackouts": lambda new, old: not set(new) >= set(old),
    "strategy_error": lambda new, old: new is StrategyFault.REDUCE and old is StrategyFault.HALT,
}
