"""The tree of errors, and what a person reads in them."""

import pytest

import ml4t.core.errors
from ml4t.core import InvalidOrderError, Ml4tError, UnknownAssetError, UnknownOrderError

ERRORS = [getattr(ml4t.core.errors, name) for name in ml4t.core.errors.__all__]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_one_except_catches_every_error(error: type[Exception]) -> None:
    assert issubclass(error, Ml4tError)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_tree_is_drawn_in_the_docstring(error: type[Exception]) -> None:
    assert error.__name__ in (ml4t.core.errors.__doc__ or "")


@pytest.mark.parametrize("error", [UnknownAssetError, UnknownOrderError])
def test_a_lookup_error_reads_like_a_sentence(error: type[Exception]) -> None:
    """A bare KeyError would show quotes and escapes around its message."""
    assert str(error("no order has the id '7'")) == "no order has the id '7'"


def test_an_error_without_a_message_shows_its_name() -> None:
    assert str(Ml4tError()) == "Ml4tError"


@pytest.mark.parametrize(
    ("error", "builtin"), [(InvalidOrderError, ValueError), (UnknownOrderError, KeyError)]
)
def test_an_error_is_also_the_builtin_that_one_expects(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)
