"""Hashes by the column are the hashes of :mod:`nightmail.privacy`, and look-ups find exactly what is there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nightmail.privacy import address_hashes, contact_ids
from nightmail.privacy.keyed_hashes import HashIndex, address_digests, contact_digests, from_hex, hex_column

KEY = b"a key"


@given(st.lists(st.one_of(st.none(), st.text(max_size=30))))
def test_columns_hash_as_single_values_do(addresses: list[str | None]) -> None:
    """One definition of a hash, two ways to compute it."""
    expected = address_hashes(addresses, KEY)
    assert hex_column(address_digests(addresses, KEY)).to_pylist() == expected
    known = [address for address in addresses if address is not None]
    assert hex_column(contact_digests("acme.billing", known, KEY)).to_pylist() == contact_ids(
        "acme.billing", known, KEY
    )


@given(st.lists(st.one_of(st.none(), st.text(max_size=30))), st.integers(0, 5))
def test_text_and_hash_are_the_same_thing(addresses: list[str | None], skip: int) -> None:
    """What a table holds as text is compared as numbers, slices included."""
    hashes = address_digests(addresses, KEY)
    column = hex_column(hashes)
    assert (from_hex(column) == hashes).all()
    assert (from_hex(column.slice(skip)) == hashes[skip:]).all()


def test_text_that_is_no_hash_is_no_hash() -> None:
    """Damaged rows of a table match nothing."""
    column = pa.array([None, "", "zz" * 16, "AB" * 16, "ab" * 15])
    assert not from_hex(column).any()


_FEW = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=12)


@given(_FEW, _FEW)
def test_look_ups(known: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    """Hashes with the same first half, asked in any order, are still told apart."""
    index = HashIndex(np.array(known, dtype=np.uint64).reshape(-1, 2))
    found = index.find(np.array([*asked, (0, 0)], dtype=np.uint64)).tolist()
    assert found == [known.index(entry) if entry in known else -1 for entry in asked] + [-1]
