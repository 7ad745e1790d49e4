"""What is booked in the place of executions that only the total of their order tells of."""

from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.live.book import LiveBook

__all__ = ["stand_in_for"]


def stand_in_for(book: LiveBook, order_id: str) -> Fill | None:
    """An execution that would leave an order as the venue says it stands.

    Its price is that which leaves the average that the venue names. None where nothing is missing,
    or where the venue names no average.
    """
    if order_id not in book.behind:
        return None
    order, report = book.orders[order_id], book.totals.report(order_id)
    at = (report and report.updated_at) or order.updated_at or book.since
    if report is None or report.average_fill_price is None or at is None:
        return None
    missing = book.missing_quantity(order_id)
    made = book.totals.made(order_id)
    return Fill(
        id=f"gap:{order_id}:{order.filled_quantity + missing!r}" + (f":{made}" if made else ""),
        order_id=order_id,
        asset=order.asset,
        side=order.side,
        quantity=missing,
        price=_price(order, report, report.average_fill_price, missing),
        timestamp=at,
    )


def _price(order: Order, report: Order, average: float, missing: float) -> float:
    booked = (order.average_fill_price or 0.0) * order.filled_quantity
    price = (average * report.filled_quantity - booked) / missing
    # Where an execution was taken back the average is of another quantity.
    return price if price > 0 else average
