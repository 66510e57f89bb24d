"""Proofs of random trees: they are those of the RFC, they hold, and with anything changed they fail.

The tree that says what is true is written from the RFC alone (tests/ledger/naive.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.naive import Naive, sides, split, subtrees

from tallystick.core import TamperError
from tallystick.ledger import (
    DOMESTIC,
    Log,
    Signer,
    generate_key,
    root_of,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
    verify_subtree_inclusion,
)

_SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
_LARGE = 5000
_ENTRIES = [b"entry %d of the tree" % number for number in range(_LARGE)]
_TREE = Naive(_ENTRIES)
_DOMESTIC = Naive(_ENTRIES[:600], "sm3")


def _holds(check: Callable[..., None], *arguments: Any) -> bool:
    try:
        check(*arguments)
    except TamperError:
        return False
    return True


def _bits(parts: list[bytes]) -> Iterator[list[bytes]]:
    """The parts with one bit of one of them changed: every bit of every part."""
    for at, part in enumerate(parts):
        whole = int.from_bytes(part)
        for bit in range(256):
            yield [*parts[:at], (whole ^ (1 << bit)).to_bytes(32), *parts[at + 1 :]]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log of 5,000 entries: its proofs come from tiles."""
    signer = Signer(generate_key("bank.example/log")[0])
    with Log(tmp_path_factory.mktemp("log"), signer.name, signer) as made:
        made.append(_ENTRIES)
        made.checkpoint()
        yield made


def _places(size: int) -> st.SearchStrategy[int]:
    """An entry of a tree, of every class: the ends, beside a power of two, on the right edge, beside a tile, any."""
    edge, rest = 0, size
    while rest > 1 and split(rest) < rest:
        edge, rest = edge + split(rest), rest - split(rest)
    powers = [place for bit in range(size.bit_length()) for place in ((1 << bit) - 1, 1 << bit, (1 << bit) + 1)]
    tiles = [place for tile in range(0, size, 256) for place in (tile - 1, tile, tile + 255)]
    known = sorted({place for place in (0, size - 1, edge, *powers, *tiles) if 0 <= place < size})
    return st.sampled_from(known) | st.integers(0, size - 1)


_sizes = st.sampled_from([1, 2, 3, 255, 256, 257, 511, 512, 513, 4095, 4096, 4097, _LARGE]) | st.integers(1, _LARGE)


@pytest.mark.parametrize("size", range(1, 11))
def test_every_bit_of_every_proof_of_small_trees(size: int) -> None:
    """Inclusion of each entry, growth from each size, each subtree: all bits of leaf, roots and hashes, one by one."""
    root = _TREE.root(size)
    for index in range(size):
        parts = [_TREE.leaves[index], root, *_TREE.path(index, 0, size)]
        verify_inclusion(parts[0], index, size, parts[2:], parts[1])
        for bad in _bits(parts):
            assert not _holds(verify_inclusion, bad[0], index, size, bad[2:], bad[1])
    for old in range(1, size):
        parts = [_TREE.root(old), root, *_TREE.proof(old, size)]
        verify_consistency(old, size, parts[2:], parts[0], parts[1])
        for bad in _bits(parts):
            assert not _holds(verify_consistency, old, size, bad[2:], bad[0], bad[1])
    for start, stop in subtrees(size):
        parts = [_TREE.mth(start, stop), root, *_TREE.subtree_proof(start, stop, size)]
        verify_subtree(start, stop, size, parts[2:], parts[0], parts[1])
        for bad in _bits(parts):
            assert not _holds(verify_subtree, start, stop, size, bad[2:], bad[0], bad[1])


def test_every_bit_of_index_and_size_of_small_trees() -> None:
    """Another index never holds. Another size holds just where it puts every hash of the path on the same side.

    That a size goes with one root is not in the path: it is what the checkpoint's signature says, and there every
    changed bit fails (tests/ledger/test_fuzz_proofs.py).
    """
    for size in range(1, 14):
        root = _TREE.root(size)
        for index in range(size):
            hashed, path = _TREE.leaves[index], _TREE.path(index, 0, size)
            for bit in range(64):
                assert not _holds(verify_inclusion, hashed, index ^ (1 << bit), size, path, root)
                other = size ^ (1 << bit)
                same = index < other < 1 << 20 and sides(index, other) == sides(index, size)
                assert _holds(verify_inclusion, hashed, index, other, path, root) is same
            for other in range(1, 22):
                for at in range(other):
                    same = sides(at, other) == sides(index, size)
                    assert _holds(verify_inclusion, hashed, at, other, path, root) is same


def _asked(old: int, new: int) -> list[str]:
    """On which side of the way to the last entry of the old tree the hashes of PROOF(old, D[0:new]) stand."""
    found, start, stop = [], 0, new
    while stop != old:
        middle = start + split(stop - start)
        found.append("R" if old <= middle else "L")
        start, stop = (start, middle) if old <= middle else (middle, stop)
    return found


def test_every_pair_of_sizes_of_small_trees() -> None:
    """A proof of growth holds for no other old size, and for another new one just where that asks for the same."""
    for new in range(2, 26):
        for old in range(1, new):
            proof, roots = _TREE.proof(old, new), (_TREE.root(old), _TREE.root(new))
            for before in range(new + 3):
                assert _holds(verify_consistency, before, new, proof, *roots) is (before == old)
            for after in range(old + 1, 60):
                same = _asked(old, after) == _asked(old, new)
                assert _holds(verify_consistency, old, after, proof, *roots) is same


@settings(max_examples=250 if not _SOAK else 20_000)
@given(size=_sizes, data=st.data())
def test_inclusion_in_trees_of_thousands(log: Log, size: int, data: st.DataObject) -> None:
    """From tiles, for any entry and any size: the RFC's path; it holds here and at no other place."""
    index = data.draw(_places(size))
    proof = log.prove(index, size)
    assert (proof.index, proof.size) == (index, size)
    assert list(proof.hashes) == _TREE.path(index, 0, size)
    hashed, root = _TREE.leaves[index], _TREE.root(size)
    verify_inclusion(hashed, index, size, proof.hashes, root)
    verify_subtree_inclusion(hashed, index, 0, size, proof.hashes, root)
    other = data.draw(_places(size))
    assert _holds(verify_inclusion, hashed, other, size, proof.hashes, root) is (other == index)
    assert _holds(verify_inclusion, _TREE.leaves[other], index, size, proof.hashes, root) is (other == index)
    parts = [hashed, root, *proof.hashes]
    at, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[at] = (int.from_bytes(parts[at]) ^ (1 << bit)).to_bytes(32)
    assert not _holds(verify_inclusion, parts[0], index, size, parts[2:], parts[1])


@settings(max_examples=250 if not _SOAK else 20_000)
@given(new=_sizes, data=st.data())
def test_growth_of_trees_of_thousands(log: Log, new: int, data: st.DataObject) -> None:
    """From tiles, between any two sizes: the RFC's proof; it holds, and for no other past."""
    old = data.draw(_places(new)) + 1
    proof = log.consistency(old, new)
    assert (proof.old, proof.new) == (old, new)
    assert list(proof.hashes) == _TREE.proof(old, new)
    roots = (_TREE.root(old), _TREE.root(new))
    assert (log.root(old), log.root(new)) == roots
    verify_consistency(old, new, proof.hashes, *roots)
    other = data.draw(_places(new)) + 1
    assert _holds(verify_consistency, other, new, proof.hashes, *roots) is (other == old)
    assert _holds(verify_consistency, old, new, proof.hashes, _TREE.root(other), roots[1]) is (other == old)
    if old < new:
        parts = [*roots, *proof.hashes]
        at, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
        parts[at] = (int.from_bytes(parts[at]) ^ (1 << bit)).to_bytes(32)
        assert not _holds(verify_consistency, old, new, parts[2:], *parts[:2])


@settings(max_examples=250 if not _SOAK else 20_000)
@given(size=_sizes, data=st.data())
def test_subtrees_of_trees_of_thousands(log: Log, size: int, data: st.DataObject) -> None:
    """Any subtree, from tiles: the draft's proof; with the entry's own path in it, both hold, moved on neither does."""
    step = 1 << data.draw(st.integers(0, (size - 1).bit_length()))
    start = data.draw(st.integers(0, (size - 1) // step)) * step
    stop = start + data.draw(st.integers(step // 2 + 1, step)) if step > 1 else start + 1
    stop = min(stop, size)
    proof = log.prove_subtree(start, stop, size)
    assert list(proof) == _TREE.subtree_proof(start, stop, size)
    inner, root = _TREE.mth(start, stop), _TREE.root(size)
    verify_subtree(start, stop, size, proof, inner, root)
    index = data.draw(st.integers(start, stop - 1))
    path = _TREE.path(index - start, start, stop)
    verify_subtree_inclusion(_TREE.leaves[index], index, start, stop, path, inner)
    shift = 1 << size.bit_length()
    for moved in (start + shift, start - shift):
        assert not _holds(verify_subtree, moved, moved + stop - start, size, proof, inner, root)
        assert not _holds(
            verify_subtree_inclusion, _TREE.leaves[index], index, moved, moved + stop - start, path, inner
        )
    parts = [inner, root, *proof]
    at, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[at] = (int.from_bytes(parts[at]) ^ (1 << bit)).to_bytes(32)
    assert not _holds(verify_subtree, start, stop, size, parts[2:], *parts[:2])


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=600), st.data())
def test_any_entries_equal_ones_too(entries: list[bytes], data: st.DataObject) -> None:
    """Roots, paths and growth of trees whose entries may repeat, or be what a node's hash is made of."""
    if data.draw(st.booleans()):
        entries = [b"\1" + Naive(entries).root(len(entries)) * 2, *entries]
    tree, size = Naive(entries), len(entries)
    assert root_of(entries) == tree.root(size)
    index = data.draw(st.integers(0, size - 1))
    verify_inclusion(tree.leaves[index], index, size, tree.path(index, 0, size), tree.root(size))
    verify_consistency(index + 1, size, tree.proof(index + 1, size), tree.root(index + 1), tree.root(size))


@settings(max_examples=60)
@given(size=st.integers(1, 600), data=st.data())
def test_domestic_trees(size: int, data: st.DataObject) -> None:
    """Over SM3 all is the same; a proof over one hash proves nothing over the other."""
    tree, index, old = _DOMESTIC, data.draw(_places(size)), data.draw(_places(size)) + 1
    path, grown = tree.path(index, 0, size), tree.proof(old, size)
    assert root_of(_ENTRIES[:size], DOMESTIC) == tree.root(size)
    verify_inclusion(tree.leaves[index], index, size, path, tree.root(size), DOMESTIC)
    verify_consistency(old, size, grown, tree.root(old), tree.root(size), DOMESTIC)
    assert not path or not _holds(verify_inclusion, tree.leaves[index], index, size, path, tree.root(size))
    assert not grown or not _holds(verify_consistency, old, size, grown, tree.root(old), tree.root(size))
    mixed = _TREE.path(index, 0, size)
    assert not mixed or not _holds(verify_inclusion, tree.leaves[index], index, size, mixed, tree.root(size), DOMESTIC)
    start, stop = data.draw(st.sampled_from(subtrees(min(size, 40))))
    proof, roots = tree.subtree_proof(start, stop, size), (tree.mth(start, stop), tree.root(size))
    verify_subtree(start, stop, size, proof, *roots, DOMESTIC)
    assert not proof or not _holds(verify_subtree, start, stop, size, proof, *roots)


def test_a_node_is_never_taken_for_an_entry(tmp_path: Path) -> None:
    """An entry that is two hashes gives another hash than the node above them: the leading bytes keep them apart."""
    signer = Signer(generate_key("bank.example/log")[0])
    pair = _TREE.leaves[0] + _TREE.leaves[1]
    for entry in (pair, b"\1" + pair, b"\0" + pair):
        with Log(tmp_path / entry[:2].hex(), signer.name, signer) as made:
            made.append([entry, _ENTRIES[2]])
            assert made.root() != _TREE.root(3)
            assert not _holds(verify_inclusion, Naive([entry]).leaves[0], 0, 3, [_TREE.leaves[2]], _TREE.root(3))
