"""Orders that never left: written down, told to the strategy, and remembered for a while."""

from collections.abc import Callable

from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import Refused
from ml4t.live.account import LiveAccount
from ml4t.live.clock import Clock
from ml4t.live.events import OrderDenied
from ml4t.live.failpoints import failpoint

__all__ = ["Refusals"]

_REMEMBERED = 1_000
_CONNECTION = 19
_POSSIBLE = 1


class Refusals:
    """Says no to orders.

    Args:
        account: whose journal keeps it, and whose listener is told.
        clock: for the times of the orders.

    Attributes:
        listener: who is told instead of the account's listener; None for that one.
        is_quiet: whether nobody is told and nothing is kept, while the past is shown.
    """

    def __init__(self, account: LiveAccount, clock: Clock) -> None:
        self.listener: Callable[[Order], None] | None = None
        self.is_quiet = False
        self._account = account
        self._clock = clock
        self._count = 0
        self._orders: dict[str, Order] = {}

    def find(self, order_id: str) -> Order | None:
        """One of the latest refused orders by its id."""
        return self._orders.get(order_id)

    def deny(self, refused: Refused, instead_of: str = "") -> str:
        """Keep that a rule said no; gives the reason as the strategy sees it.

        Args:
            refused: what the rule said.
            instead_of: the working order that was to be changed; "" for a new one.
        """
        self._keep(
            OrderDenied(
                request=refused.request,
                rule=refused.rule,
                control=refused.control,
                value=refused.value,
                limit=refused.limit,
                reason=refused.reason,
                instead_of=instead_of,
            )
        )
        breach = refused.breach
        # What passes by itself the watch sees and takes away again; here nobody would.
        if breach is not None and breach.is_latched:
            self._account.restrict(refused.rule, breach.state, breach.reason, latched=True)
        return f"risk: {refused.reason}"

    def reject(self, request: OrderRequest, reason: str) -> Order:
        """The order that never left, for a reason that is kept already, told to whoever listens."""
        self._count += 1
        now = self._clock.now()
        order = Order(
            f"refused-{self._count}", request, OrderStatus.REJECTED, now, now, reason=reason
        )
        self._orders[order.id] = order
        self._orders.pop(f"refused-{self._count - _REMEMBERED}", None)
        listener = self.listener or self._account.listener
        if listener is not None and not self.is_quiet:
            listener(order)
        return order

    def reject_unconnected(self, request: OrderRequest, reason: str) -> Order:
        """The same for an order that cannot be sent now."""
        return self._reject_as("Connection", _CONNECTION, request, reason)

    def reject_impossible(self, request: OrderRequest, reason: str) -> Order:
        """The same for an order that the venue does not take."""
        return self._reject_as("Capabilities", _POSSIBLE, request, reason)

    def _reject_as(self, rule: str, control: int, request: OrderRequest, reason: str) -> Order:
        self._keep(
            OrderDenied(
                request=request, rule=rule, control=control, value="", limit="", reason=reason
            )
        )
        return self.reject(request, reason)

    def _keep(self, denied: OrderDenied) -> None:
        if not self.is_quiet:
            self._account.record(denied)
            failpoint("order.denied")
