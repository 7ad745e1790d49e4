"""The controls by number: what each is and who enforces it."""

from typing import Literal

import attrs

__all__ = ["CONTROLS", "Control"]


@attrs.frozen
class Control:
    """One control of live trading.

    Attributes:
        number: what refusals, breaches and documents call it by.
        name: a few words.
        fields: of :class:`~ml4t.core.risk.LiveRiskConfig`; empty where there is nothing to set.
        sentence: what it does.
        enforced_by: ``"review"`` judges each order before it is sent, ``"runtime"`` watches.
    """

    number: int
    name: str
    fields: tuple[str, ...]
    sentence: str
    enforced_by: Literal["review", "runtime"]


def _control(
    number: int, name: str, fields: str, enforced_by: Literal["review", "runtime"], sentence: str
) -> Control:
    return Control(number, name, tuple(fields.split()), sentence, enforced_by)


CONTROLS = (
    _control(
        1,
        "possible orders",
        "",
        "review",
        "Quantity and prices are positive and finite, the side is said, and the symbol is resolved "
        "to one instrument of the venue.",
    ),
    _control(
        2,
        "units of an order",
        "max_order_shares",
        "review",
        "An order for more units is refused.",
    ),
    _control(
        3,
        "value of an order",
        "max_order_value market_buffer max_call_value max_hourly_value",
        "review",
        "An order worth more at the worst price it may fill at is refused, and so is one that "
        "cannot be valued; the orders of one call and of one hour that open risk are added up.",
    ),
    _control(
        4,
        "price collar",
        "max_price_deviation_pct far_limit_pct max_spread_pct market_as_limit",
        "review",
        "A price too far from the market is refused, and a market order in a wide or unknown "
        "market; market orders can be sent as limit orders at the edge of the collar.",
    ),
    _control(
        5,
        "tick and lot",
        "",
        "review",
        "A price or quantity between two steps is refused, never rounded.",
    ),
    _control(
        6,
        "size of a position",
        "max_position_shares max_position_value",
        "review",
        "An order is refused with which, and all open orders of its side, a position would become "
        "larger.",
    ),
    _control(
        7,
        "exposure",
        "max_total_exposure max_net_exposure max_leverage",
        "review",
        "The values of all positions, if every open order filled, stay below the limit at the last "
        "prices.",
    ),
    _control(
        8,
        "number of positions and assets",
        "max_positions allowed_assets",
        "review",
        "Only listed assets are traded, and no more than so many at a time; an open order counts.",
    ),
    _control(
        9,
        "open orders",
        "max_working_orders max_working_orders_per_side",
        "review",
        "No more than so many orders are open, of one asset and side and in all.",
    ),
    _control(
        10,
        "rate of orders",
        "max_orders_per_minute",
        "review",
        "An order beyond the rate is refused and not delayed; refused ones do not count.",
    ),
    _control(
        11,
        "rate of messages",
        "max_messages_per_second",
        "review",
        "New, changed and cancelled orders together; a quarter is kept for cancels.",
    ),
    _control(
        12,
        "duplicates",
        "dedup_window_seconds",
        "review",
        "The same order is not sent twice within the window, however the first one went.",
    ),
    _control(
        13,
        "repetition",
        "max_repeat repeat_seconds max_rejects max_round_trips_per_hour",
        "review",
        "Sending the same again without a fill, refusals in a row, or too many round trips halt "
        "trading until a person re-arms.",
    ),
    _control(
        14,
        "loss of the session",
        "max_daily_loss flatten_on_loss max_account_age_seconds",
        "runtime",
        "A loss since the session's start, cash flows taken out, halts trading and cancels all "
        "orders; while equity is not known only exits are sent.",
    ),
    _control(
        15,
        "drawdown",
        "max_drawdown_pct",
        "runtime",
        "A fall from the highest equity ever, cash flows taken out, halts trading.",
    ),
    _control(
        16,
        "old prices",
        "max_data_staleness_seconds max_stale_share_pct bar_seconds",
        "review",
        "An asset without a fresh price gets no new risk; too many of them leave only exits.",
    ),
    _control(
        17,
        "bars that cannot be believed",
        "max_bar_move",
        "runtime",
        "A bar with an impossible price, time or move is dropped and its asset gets no new risk "
        "until three bars in a row agree or a person releases it.",
    ),
    _control(
        18,
        "kill switch",
        "",
        "runtime",
        "One call, command, file or signal halts trading and cancels every order.",
    ),
    _control(
        19,
        "lost connection",
        "disconnect_seconds",
        "runtime",
        "Without the venue nothing new is sent; after it is back, all is compared first.",
    ),
    _control(
        20,
        "trades with oneself",
        "self_trade",
        "review",
        "An order that could meet another of the same account is refused.",
    ),
    _control(
        21,
        "restricted assets",
        "restricted_assets restricted_hard",
        "review",
        "What is restricted may be sold off at most.",
    ),
    _control(
        22,
        "hours",
        "regular_hours_only moc_cutoff_seconds moo_cutoff_seconds blackouts",
        "review",
        "Nothing leaves outside of regular hours, too late for its auction, while the venue "
        "restarts or the asset is halted.",
    ),
    _control(
        23,
        "short sales",
        "allow_short",
        "review",
        "A sale that could make a position negative is refused, unless that is allowed and the "
        "venue says that it lends.",
    ),
    _control(
        24,
        "reversals",
        "allow_flip",
        "review",
        "No order takes a position through zero; it takes two, and the second waits for the fill "
        "of the first.",
    ),
    _control(
        25,
        "buying power",
        "check_buying_power",
        "review",
        "The account can pay for the order and for all others that are open.",
    ),
    _control(
        26,
        "reconciliation",
        "reconcile_seconds mismatch_seconds",
        "runtime",
        "Positions, orders and fills are compared with the venue; a difference that lasts leaves "
        "only exits.",
    ),
    _control(
        27,
        "orders of unknown fate",
        "max_unknown_orders max_unknown_orders_per_asset",
        "review",
        "They count as open; too many of them halt trading.",
    ),
    _control(
        28,
        "environment",
        "",
        "runtime",
        "The account of the configuration is the one that the venue reports, or nothing starts.",
    ),
    _control(
        29,
        "clock",
        "max_clock_skew_seconds max_clock_jump_seconds",
        "runtime",
        "A clock that differs from the venue's leaves only exits; windows do not follow the wall "
        "clock.",
    ),
    _control(
        30,
        "failing strategy",
        "strategy_error max_strategy_errors",
        "runtime",
        "An exception or an overrun leaves only exits, several of them halt trading.",
    ),
    _control(
        31,
        "margin within the day",
        "",
        "runtime",
        "What the venue says about margin is shown; nothing is computed from it.",
    ),
)
"""All controls by number."""
