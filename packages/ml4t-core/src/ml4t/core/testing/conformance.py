"""The conformance kit: what every broker must do, simulated or real, as a class of tests."""

import pytest

from ml4t.core.testing.account_conformance import AccountConformance
from ml4t.core.testing.change_conformance import ChangeConformance
from ml4t.core.testing.group_conformance import GroupConformance
from ml4t.core.testing.order_conformance import OrderConformance
from ml4t.core.testing.rebalance_conformance import RebalanceConformance
from ml4t.core.testing.refusal_conformance import RefusalConformance
from ml4t.core.testing.venue import VenueUnderTest

__all__ = ["BrokerConformance"]


class BrokerConformance(
    OrderConformance,
    ChangeConformance,
    GroupConformance,
    RefusalConformance,
    AccountConformance,
    RebalanceConformance,
):
    """The specification of a broker; the docstring of each test is one sentence of it.

    A broker is examined by a subclass whose fixture ``venue`` gives a fresh market around it. The
    subclass changes no test and skips none: a test that the broker cannot pass is skipped because
    its :class:`~ml4t.core.capabilities.Capabilities` do not declare the ability, and what they do
    not declare must be refused.

    >>> class TestMyBroker(BrokerConformance):
    ...     @pytest.fixture
    ...     def venue(self) -> VenueUnderTest:
    ...         return my_broker_in_a_scripted_market()
    """

    @pytest.fixture
    def venue(self) -> VenueUnderTest:
        """A fresh market around the broker; a subclass gives it.

        Raises:
            NotImplementedError: the subclass does not.
        """
        msg = f"{type(self).__name__} must have a fixture `venue` that gives a VenueUnderTest"
        raise NotImplementedError(msg)
