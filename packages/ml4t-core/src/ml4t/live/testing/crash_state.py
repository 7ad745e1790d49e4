"""The state of a live account as plain values, so that two processes can compare theirs."""

from ml4t.core.orders import Order
from ml4t.live.book import LiveBook

__all__ = ["state_of"]


def state_of(book: LiveBook) -> dict[str, object]:
    """Everything that a journal must lead to, as values that JSON keeps to the last bit."""
    ledger = book.ledger
    return {
        "orders": {order.id: _order(order) for order in book.orders.values()},
        "open": list(book.open),
        "fills": {
            fill.id: [fill.order_id, fill.asset, fill.signed_quantity, fill.price, fill.fee]
            for fill in book.fills.values()
        },
        "busted": sorted(book.busted),
        "positions": {}
        if ledger is None
        else {name: held.quantity for name, held in sorted(ledger.positions.items())},
        "cash": None if ledger is None else ledger.cash,
        "flows": sorted(book.flow_ids),
        "causes": {
            name: [cause.state.name, cause.latched] for name, cause in sorted(book.causes.items())
        },
        "state": book.state.name,
        "replacing": sorted(book.replacing),
        "acknowledged": sorted(book.acknowledged),
        "behind": sorted(book.behind),
        "session": None if book.session is None else book.session.isoformat(),
        "session_equity": book.session_equity,
        "high_water": book.high_water,
        "starts": book.starts,
    }


def _order(order: Order) -> list[object]:
    return [
        order.status.name,
        order.asset,
        order.request.signed_quantity,
        order.limit_price,
        order.filled_quantity,
        order.average_fill_price,
        order.fees,
    ]
