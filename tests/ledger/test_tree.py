"""Inclusion and consistency proofs: random trees against RFC 6962, word for word; in memory and from tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tallystick.core import TamperError
from tallystick.ledger import (
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
    verify_subtree_inclusion,
)
from tallystick.ledger import nodes as nodes_module
from tallystick.ledger.nodes import Nodes
from tallystick.ledger.profile import DOMESTIC, INTERNATIONAL, PROFILES, Profile
from tallystick.ledger.tiles import WIDTH, tile_path
from tallystick.ledger.tree import fold, subtree_path, valid_subtree


def _holds(check: Any, *given_: Any) -> bool:
    try:
        check(*given_)
    except TamperError:
        return False
    return True


def test_equal_trees_need_no_proof() -> None:
    """Two roots of one size are compared as they are: nothing is hashed."""
    for root in (b"any text", bytes(32)):
        verify_consistency(1, 1, [], root, root)
        verify_subtree(0, 1, 1, [], root, root)
        assert not _holds(verify_consistency, 1, 1, [], root, b"another")
        assert not _holds(verify_consistency, 1, 1, [bytes(32)], root, root)


def test_roots_of_rfc_6962() -> None:
    """The roots of the well-known eight test leaves of Certificate Transparency."""
    leaves = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    leaves.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def _split(size: int) -> int:
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def _naive_root(entries: list[bytes], name: str = "sha256") -> bytes:
    """MTH, word for word from RFC 6962, section 2.1."""
    if not entries:
        return hashlib.new(name, b"").digest()
    if len(entries) == 1:
        return hashlib.new(name, b"\0" + entries[0]).digest()
    left, right = entries[: _split(len(entries))], entries[_split(len(entries)) :]
    return hashlib.new(name, b"\1" + _naive_root(left, name) + _naive_root(right, name)).digest()


Root = Callable[[int, int], bytes]
"""MTH(D[start:stop])."""


def _naive_path(index: int, start: int, stop: int, root: Root) -> list[bytes]:
    """PATH(index, D[start:stop]), word for word from RFC 6962, section 2.1.1."""
    if stop - start == 1:
        return []
    middle = start + _split(stop - start)
    if index < middle:
        return [*_naive_path(index, start, middle, root), root(middle, stop)]
    return [*_naive_path(index, middle, stop, root), root(start, middle)]


def _naive_proof(old: int, start: int, stop: int, root: Root, whole: bool = True) -> list[bytes]:
    """SUBPROOF(old, D[start:stop], whole), word for word from RFC 6962, section 2.1.2."""
    if old == stop:
        return [] if whole else [root(start, stop)]
    middle = start + _split(stop - start)
    if old <= middle:
        return [*_naive_proof(old, start, middle, root, whole), root(middle, stop)]
    return [*_naive_proof(old, middle, stop, root, False), root(start, middle)]


def _roots(entries: list[bytes], name: str = "sha256") -> Root:
    @cache
    def root(start: int, stop: int) -> bytes:
        if stop - start == 1:
            return hashlib.new(name, b"\0" + entries[start]).digest()
        middle = start + _split(stop - start)
        return hashlib.new(name, b"\1" + root(start, middle) + root(middle, stop)).digest()

    return root


def _entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def _subtree(entries: list[bytes], profile: Profile = INTERNATIONAL) -> Any:
    hashes = [leaf_hash(entry, profile) for entry in entries]
    return lambda level, at: fold(hashes[at << level : (at + 1) << level], profile)


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_roots_equal_the_definition(entries: list[bytes]) -> None:
    assert root_of(entries) == _naive_root(entries)


@settings(max_examples=150)
@given(size=st.integers(1, 70), data=st.data())
def test_inclusion_proofs_hold_and_fail_on_any_changed_bit(size: int, data: st.DataObject) -> None:
    """The proof of any entry holds; with one bit of leaf, root or proof changed, or another place or size, it fails."""
    index = data.draw(st.integers(0, size - 1))
    entries = _entries(size)
    hashes = _naive_path(index, 0, size, _roots(entries))
    hashed, root = leaf_hash(entries[index]), _naive_root(entries)
    verify_inclusion(hashed, index, size, hashes, root)
    parts = [hashed, root, *hashes]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = (int.from_bytes(parts[which]) ^ (1 << bit)).to_bytes(32)
    assert not _holds(verify_inclusion, parts[0], index, size, parts[2:], parts[1])
    other = data.draw(st.integers(-1, size + 2))
    assume(other != index)
    assert not _holds(verify_inclusion, hashed, other, size, hashes, root)
    assert not _holds(verify_inclusion, hashed, index, size, [*hashes, root], root)
    assert not hashes or not _holds(verify_inclusion, hashed, index, size, hashes[1:], root)


@settings(max_examples=150)
@given(new=st.integers(1, 70), data=st.data())
def test_consistency_proofs_hold_and_fail_on_any_changed_bit(new: int, data: st.DataObject) -> None:
    """A tree's proof that it only grew holds; with one changed bit, or a rewritten past, it fails."""
    old = data.draw(st.integers(1, new))
    entries = _entries(new)
    hashes = _naive_proof(old, 0, new, _roots(entries))
    old_root, new_root = _naive_root(entries[:old]), _naive_root(entries)
    verify_consistency(old, new, hashes, old_root, new_root)
    parts = [old_root, new_root, *hashes]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = (int.from_bytes(parts[which]) ^ (1 << bit)).to_bytes(32)
    assert not _holds(verify_consistency, old, new, parts[2:], parts[0], parts[1])
    rewritten = [b"other", *entries[1:]]
    assert not _holds(verify_consistency, old, new, hashes, old_root, _naive_root(rewritten))
    assert not _holds(verify_consistency, 0, new, hashes, root_of([]), new_root)
    assert not _holds(verify_consistency, new + 1, new, hashes, old_root, new_root)


def _naive_subtree_proof(start: int, stop: int, entries: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBTREE_SUBPROOF, word for word from draft-ietf-plants-merkle-tree-certs, section 4.4.1."""
    if (start, stop) == (0, len(entries)):
        return [] if whole else [_naive_root(entries)]
    split = _split(len(entries))
    left, right = entries[:split], entries[split:]
    if stop <= split:
        return [*_naive_subtree_proof(start, stop, left, whole), _naive_root(right)]
    if split <= start:
        return [*_naive_subtree_proof(start - split, stop - split, right, whole), _naive_root(left)]
    return [*_naive_subtree_proof(0, stop - split, right, False), _naive_root(left)]


def test_every_subtree_of_small_trees() -> None:
    """The proof of every subtree of every tree up to 40 entries is the draft's, holds, and holds for no other place."""
    entries = _entries(40)
    for size in range(1, 41):
        tree, root = _subtree(entries[:size]), _naive_root(entries[:size])
        for start in range(size):
            for stop in (stop for stop in range(start + 1, size + 1) if valid_subtree(start, stop)):
                hashes = subtree_path(tree, start, stop, size)
                assert list(hashes) == _naive_subtree_proof(start, stop, entries[:size])
                inner = _naive_root(entries[start:stop])
                verify_subtree(start, stop, size, hashes, inner, root)
                assert not _holds(verify_subtree, start, stop, size, [*hashes, root], inner, root)
                assert not hashes or not _holds(verify_subtree, start, stop, size, hashes[1:], inner, root)
                if start == 0:
                    verify_consistency(stop, size, hashes, inner, root)
    assert not _holds(verify_subtree, 1, 3, 8, [], bytes(32), bytes(32))
    assert not _holds(verify_subtree, 0, 8, 7, [], bytes(32), bytes(32))


@settings(max_examples=150)
@given(size=st.integers(1, 70), data=st.data())
def test_subtree_proofs_fail_on_any_changed_bit(size: int, data: st.DataObject) -> None:
    """With one changed bit of either root or of the proof, or moved to another subtree, it fails."""
    entries = _entries(size)
    places = [(start, stop) for start in range(size) for stop in range(start + 1, size + 1)]
    start, stop = data.draw(st.sampled_from([place for place in places if valid_subtree(*place)]))
    hashes = subtree_path(_subtree(entries), start, stop, size)
    parts = [_naive_root(entries[start:stop]), _naive_root(entries), *hashes]
    verify_subtree(start, stop, size, parts[2:], parts[0], parts[1])
    moved = start + (1 << (stop - start - 1).bit_length())
    assert not _holds(verify_subtree, moved, moved + stop - start, size, parts[2:], parts[0], parts[1])
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = (int.from_bytes(parts[which]) ^ (1 << bit)).to_bytes(32)
    assert not _holds(verify_subtree, start, stop, size, parts[2:], parts[0], parts[1])


def _grown(folder: Path, entries: list[bytes], profile: Profile, steps: list[int]) -> Nodes:
    """Nodes that grew by so many entries at a time, their full tiles in files."""

    def write(level: int, number: int, data: bytes) -> None:
        path = folder / tile_path(level, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    nodes, at = Nodes(folder, profile), 0
    while at < len(entries):
        step = min(steps[at % len(steps)], WIDTH - at % WIDTH)
        nodes.extend(profile.leaf_hashes(entries[at : at + step]), write)
        at += step
    return nodes


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 1200), steps=st.lists(st.integers(1, 300), min_size=1, max_size=5), data=st.data())
def test_proofs_from_tiles_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory, profile: Profile, size: int, steps: list[int], data: st.DataObject
) -> None:
    """Whatever the steps of growth, for every tree that the log has had, and with tiles read or held."""
    entries = _entries(size)
    nodes, root = (
        _grown(tmp_path_factory.mktemp("tiles"), entries, profile, steps),
        _roots(entries, profile.digest_name),
    )
    for _ in range(8):
        tree = data.draw(st.integers(1, size))
        index, old = data.draw(st.integers(0, tree - 1)), data.draw(st.integers(1, tree))
        assert list(nodes.path(index, tree)) == _naive_path(index, 0, tree, root)
        assert list(nodes.growth(old, tree)) == _naive_proof(old, 0, tree, root)
        number = index // WIDTH
        first, last = number * WIDTH, min(size, number * WIDTH + WIDTH)
        assert nodes.leaves(number) == b"".join(root(at, at + 1) for at in range(first, last))


def test_every_small_tree_gives_the_proofs_of_the_definition(tmp_path: Path) -> None:
    entries = _entries(40)
    nodes, root = _grown(tmp_path, entries, INTERNATIONAL, [40]), _roots(entries)
    for size in range(1, 41):
        for index in range(size):
            assert list(nodes.path(index, size)) == _naive_path(index, 0, size, root)
            assert list(nodes.growth(index + 1, size)) == _naive_proof(index + 1, 0, size, root)


def test_tiles_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the tile that was not asked for longest goes, and is read again when it is asked for."""
    monkeypatch.setattr(nodes_module, "TILES_HELD_MAX", 3)
    entries = _entries(10 * WIDTH + 7)
    nodes, root = _grown(tmp_path, entries, DOMESTIC, [256]), _roots(entries, "sm3")
    for index in [*range(0, len(entries), 200), *range(len(entries) - 1, 0, -190)]:
        assert list(nodes.path(index, len(entries))) == _naive_path(index, 0, len(entries), root)
        assert len(nodes._held) <= 3


@pytest.mark.parametrize("name", ["sha256", "sm3"])
def test_the_checks_are_of_one_hash(name: str) -> None:
    """A proof over one hash holds with it and fails with the other; so do roots and leaves."""
    entries = _entries(21)
    root = _roots(entries, name)
    for profile in PROFILES.values():
        ours = profile.digest_name == name
        hashed, end = profile.leaf_hash(entries[5]), root(0, 21)
        assert (root_of(entries, profile) == _naive_root(entries, name) == end) == ours
        assert _holds(verify_inclusion, hashed, 5, 21, _naive_path(5, 0, 21, root), end, profile) == ours
        assert _holds(verify_consistency, 6, 21, _naive_proof(6, 0, 21, root), root(0, 6), end, profile) == ours
        path = subtree_path(_subtree(entries, profile), 16, 20, 21, profile)
        assert _holds(verify_subtree, 16, 20, 21, path, root(16, 20), end, profile) == ours
        inner = _naive_path(17, 16, 20, root)
        held = _holds(
            verify_subtree_inclusion, profile.leaf_hash(entries[17]), 17, 16, 20, inner, root(16, 20), profile
        )
        assert held == ours
