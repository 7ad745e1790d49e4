"""The check of an adapter's protocol number."""

from typing import Any

import pytest

from ml4t.core import PROTOCOL, ProtocolError, check_protocol


class Adapter:
    """An adapter that says what it speaks."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol


class Current:
    """A class of adapters."""

    protocol = PROTOCOL


class Silent:
    """An adapter that forgot to say."""


@pytest.mark.parametrize(
    "adapter", [Adapter(PROTOCOL), Current, Current()], ids=["made", "class", "instance"]
)
def test_the_same_number_passes(adapter: object) -> None:
    check_protocol(adapter)


def test_an_older_adapter_is_to_be_upgraded() -> None:
    with pytest.raises(ProtocolError, match=r"speaks protocol 0, ml4t-core speaks 1: upgrade the"):
        check_protocol(Adapter(PROTOCOL - 1))


def test_a_newer_adapter_needs_a_newer_core() -> None:
    with pytest.raises(ProtocolError, match=r"speaks protocol 2.*upgrade ml4t-core$"):
        check_protocol(Adapter(PROTOCOL + 1))


@pytest.mark.parametrize("adapter", [Silent, Silent(), Adapter("1"), Adapter(None)])
def test_an_adapter_without_a_number_is_told_what_to_write(adapter: object) -> None:
    with pytest.raises(ProtocolError, match=r"give it `protocol = 1`"):
        check_protocol(adapter)


def test_the_adapter_is_named() -> None:
    with pytest.raises(ProtocolError, match=f"Silent of {__name__}"):
        check_protocol(Silent())
