"""What an adapter's tests need: the conformance kit and the hypothesis profiles.

Nothing that trades imports this package, and it alone may import pytest and hypothesis.
"""

import pytest

# Before they are imported, or a failing assert would not show what it compared.
pytest.register_assert_rewrite(
    "ml4t.core.testing.account_conformance",
    "ml4t.core.testing.change_conformance",
    "ml4t.core.testing.conformance",
    "ml4t.core.testing.group_conformance",
    "ml4t.core.testing.order_conformance",
    "ml4t.core.testing.rebalance_conformance",
    "ml4t.core.testing.refusal_conformance",
    "ml4t.core.testing.venue",
)

from ml4t.core.testing.conformance import BrokerConformance  # noqa: E402
from ml4t.core.testing.venue import CASH, PRICE, VenueUnderTest  # noqa: E402

__all__ = ["CASH", "PRICE", "BrokerConformance", "VenueUnderTest"]
