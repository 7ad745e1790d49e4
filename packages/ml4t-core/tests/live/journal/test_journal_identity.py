"""Client order ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.live.journal import OrderId, Origin, mint, origin_of, read_order_id
from ml4t.live.journal.identity import account_hash

epochs = st.integers(0, 2**32 - 1)
counts = st.integers(0, 2**48 - 1)


@given(st.text(), epochs, counts)
def test_an_id_says_what_it_was_minted_from(account: str, epoch: int, number: int) -> None:
    order_id = mint(account, epoch, number)
    assert OrderId(account_hash(account), epoch, number) == read_order_id(order_id)
    assert 32 == len(order_id)
    assert order_id == order_id.lower()


@given(st.tuples(epochs, counts), st.tuples(epochs, counts))
def test_two_numbers_never_share_an_id(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (one == other) == (mint("A", *one) == mint("A", *other))


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    assert read_order_id(text) is None
    assert Origin.FOREIGN is origin_of(text, "A", ())


@pytest.mark.parametrize(
    "order_id",
    [
        mint("A", 1, 1).upper(),
        mint("A", 1, 1)[:-1],
        mint("A", 1, 1) + "a",
        mint("A", 1, 1)[3:],
        # The last letter has a bit to spare.
        mint("A", 1, 1)[:-1] + "d",
        "m4-" + "1" * 29,
        "m4-" + "ä" * 29,
    ],
)
def test_a_text_that_was_never_minted_is_foreign(order_id: str) -> None:
    assert read_order_id(order_id) is None


def test_the_epochs_of_the_journal_tell_own_orders_from_another_engines() -> None:
    order_id = mint("A", 7, 1)
    assert Origin.OWN is origin_of(order_id, "A", {6, 7})
    assert Origin.OTHER_ENGINE is origin_of(order_id, "A", {6, 8})
    assert Origin.FOREIGN is origin_of(order_id, "B", {6, 7})


def test_a_number_without_room_is_refused() -> None:
    with pytest.raises(OverflowError):
        mint("A", 1, 2**48)
