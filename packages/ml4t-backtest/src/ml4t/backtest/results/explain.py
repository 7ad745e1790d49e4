"""Why an order filled, at that price, in that bar: one sentence."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explain_fill"]

_RULES = {
    "market_open": "a market order fills at the open, the first price after it was sent",
    "market_close": "a market order fills at the close of the bar after it was sent",
    "market_same_close": "a market order fills at the very close that it was decided on",
    "limit_open": "the open was at or better than its limit of {limit}",
    "limit_touch": "the bar reached its limit of {limit}",
    "limit_close": "the close was at or better than its limit of {limit}",
    "stop_open": "the bar opened at or through its stop of {stop}",
    "stop_touch": "the bar reached its stop of {stop}",
    "stop_close": "the close was at or through its stop of {stop}",
    "trail_open": "the bar opened at or through its trailing stop",
    "trail_touch": "the bar reached its trailing stop",
    "trail_close": "the close was at or through its trailing stop",
    "touched_open": "the bar opened at or through its touch price of {stop}",
    "touched_touch": "the bar reached its touch price of {stop}",
    "touched_close": "the close was at or through its touch price of {stop}",
    "stop_limit_touch": "the bar reached its stop of {stop}, which its limit of {limit} allows",
    "stop_limit_close": (
        "the bar reached its stop of {stop}, and the close shows that the price came back to its "
        "limit of {limit}"
    ),
    "limit_if_touched_touch": "the bar reached its touch price of {stop}, which its limit allows",
    "limit_if_touched_close": (
        "the bar reached its touch price of {stop}, and the close shows that the price came to its "
        "limit of {limit}"
    ),
    "auction_open": "the bar opened its session, and the order was for the opening auction",
    "auction_close": "the bar closed its session, and the order was for the closing auction",
}
_PATHS = {
    "high_first": "the bar could have filled several ways and is taken to have gone high first",
    "low_first": "the bar could have filled several ways and is taken to have gone low first",
}


def explain_fill(fill: "pd.Series", order: "pd.Series") -> str:
    """One sentence on a row of ``fills`` and the row of ``orders`` that it belongs to."""
    sold = fill["side"] == "sell"
    prices = {"limit": _number(order["limit_price"]), "stop": _number(order["stop_price"])}
    reason = _RULES.get(fill["rule"], fill["rule"] or "the venue gave no rule").format(**prices)
    kind = order["order_type"].replace("_", " ")
    clauses = [
        f"{'Sold' if sold else 'Bought'} {_number(fill['quantity'])} {fill['asset']} at "
        f"{_number(fill['price'])} in the bar complete at {fill['timestamp'].isoformat()} by order "
        f"{fill['order_id']} ({kind}{_tagged(order)}): {reason}"
    ]
    if fill["path"]:
        clauses.append(_PATHS[fill["path"]])
    clauses.append(_costs(fill))
    if not math.isnan(fill["volume_left"]):
        clauses.append(f"{_number(fill['volume_left'])} units of the bar's volume were left")
    if fill["quantity"] < order["quantity"]:
        clauses.append(f"the order asked for {_number(order['quantity'])}")
    return "; ".join(clauses) + "."


def _tagged(order: "pd.Series") -> str:
    return f", {order['tag']}" if order["tag"] else ""


def _costs(fill: "pd.Series") -> str:
    parts = [f"{name} {_number(fill[name])}" for name in ("slippage", "impact") if fill[name] > 0]
    fee = f"a fee of {_number(fill['fee'])}" if fill["fee"] else "no fee"
    if not parts:
        return f"no slippage, {fee}"
    shown = _number(fill["reference_price"])
    return f"the bar showed {shown}, {' and '.join(parts)} a unit were added against it, {fee}"


def _number(number: float) -> str:
    return f"{number:,.8g}"
