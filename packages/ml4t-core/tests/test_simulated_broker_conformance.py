"""The simulated broker keeps the specification of a broker, with each kind of account."""

from collections.abc import Callable

import pytest

from ml4t.core.testing import BrokerConformance, VenueUnderTest
from ml4t.simulation import CashAccount, MarginAccount


class TestCashAccount(BrokerConformance):
    """An account that borrows neither money nor shares."""

    @pytest.fixture
    def venue(self, venue_of: Callable[..., VenueUnderTest]) -> VenueUnderTest:
        return venue_of(CashAccount())


class TestMarginAccount(BrokerConformance):
    """An account that borrows both."""

    @pytest.fixture
    def venue(self, venue_of: Callable[..., VenueUnderTest]) -> VenueUnderTest:
        return venue_of(MarginAccount())
