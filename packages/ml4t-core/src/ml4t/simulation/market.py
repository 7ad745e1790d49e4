"""What the simulated market does, one object for each question."""

import attrs

from ml4t.core.risk import LiveRiskConfig
from ml4t.simulation.accounts import AccountRules, CashAccount
from ml4t.simulation.activation import ChildActivation, EntryBar
from ml4t.simulation.commission import Commission, NoCommission
from ml4t.simulation.cutoffs import Cutoff, NoCutoff
from ml4t.simulation.exits import Exits, NoExits, as_exits
from ml4t.simulation.financing import Financing, NoFinancing
from ml4t.simulation.impact import Impact, NoImpact
from ml4t.simulation.intrabar import IntrabarPath, WorstCase
from ml4t.simulation.limits import CapAtLimit, LimitCosts, LimitRule, TouchFills
from ml4t.simulation.participation import Participation, Unlimited
from ml4t.simulation.slippage import NoSlippage, Slippage
from ml4t.simulation.stops import CloseConfirms, PartialStops, StaysTriggered, StopLimitRule
from ml4t.simulation.timing import NextBarOpen, Timing
from ml4t.simulation.trailing import TrailAlongPath, Trailing

__all__ = ["MarketAssumptions"]


@attrs.frozen(kw_only=True)
class MarketAssumptions:
    """What the simulated market does, one object for each question.

    The defaults are a cash account without short sales, fills at the next bar's open, the worst way
    through a bar, and no costs.

    Attributes:
        timing: when a market order fills.
        slippage: how much worse than the bar's price a fill is.
        commission: what a fill costs.
        account: what the account may hold and owe.
        path: which way a bar went between its prices, where the outcome depends on it.
        children: from when on target and stop of a bracket work.
        trailing: from which price a trailing stop follows.
        impact: how much the size of an order moves its price.
        participation: how much of a bar's volume all orders of its asset may take.
        limits: when a limit counts as reached.
        limit_costs: what happens where costs would take a fill beyond its limit.
        stop_limits: whether a stop-limit order by itself fills in the bar that touched its stop.
        partial_stops: what the rest of a stop order does that filled in part.
        cutoff: until when orders for the closing auction are taken.
        financing: what holding a position costs.
        exits: which rule closes the positions of which asset, whatever order opened them; a rule or
            a mapping of rules by symbol will do.
        risk: the limits of live trading, by which orders are refused before the venue sees them;
            None for none.
    """

    timing: Timing = attrs.field(factory=NextBarOpen)
    slippage: Slippage = attrs.field(factory=NoSlippage)
    commission: Commission = attrs.field(factory=NoCommission)
    account: AccountRules = attrs.field(factory=CashAccount)
    path: IntrabarPath = attrs.field(factory=WorstCase)
    children: ChildActivation = attrs.field(factory=EntryBar)
    trailing: Trailing = attrs.field(factory=TrailAlongPath)
    impact: Impact = attrs.field(factory=NoImpact)
    participation: Participation = attrs.field(factory=Unlimited)
    limits: LimitRule = attrs.field(factory=TouchFills)
    limit_costs: LimitCosts = attrs.field(factory=CapAtLimit)
    stop_limits: StopLimitRule = attrs.field(factory=CloseConfirms)
    partial_stops: PartialStops = attrs.field(factory=StaysTriggered)
    cutoff: Cutoff = attrs.field(factory=NoCutoff)
    financing: Financing = attrs.field(factory=NoFinancing)
    exits: Exits = attrs.field(factory=NoExits, converter=as_exits)
    risk: LiveRiskConfig | None = None
