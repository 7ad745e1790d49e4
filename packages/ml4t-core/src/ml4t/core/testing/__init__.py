"""What an adapter's tests need: the conformance kit and the hypothesis profiles.

Nothing that trades imports this package, and it alone may import pytest and hypothesis.
"""
