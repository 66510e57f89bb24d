"""Inclusion and consistency proofs: the vectors of transparency-dev/merkle, and random trees against RFC 6962."""

from __future__ import annotations

import base64
import hashlib
import json
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
from tallystick.ledger.tree import consistency_path, fold, inclusion_path, subtree_path, valid_subtree


def _vectors(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    found = [(str(path), json.loads(path.read_bytes())) for path in sorted(folder.rglob("*.json"))]
    assert found
    return found


def _raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _holds(check: Any, *given_: Any) -> bool:
    try:
        check(*given_)
    except TamperError:
        return False
    return True


@pytest.mark.real
def test_inclusion_vectors(shared: Path) -> None:
    """Every published inclusion vector is accepted or refused as it says."""
    for name, case in _vectors(shared / "tlog" / "inclusion"):
        proof = [_raw(item) for item in case["proof"] or []]
        held = _holds(
            verify_inclusion, _raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, _raw(case["root"])
        )
        assert held != case["wantErr"], name


@pytest.mark.real
def test_consistency_vectors(shared: Path) -> None:
    """Every published consistency vector is accepted or refused as it says."""
    for name, case in _vectors(shared / "tlog" / "consistency"):
        proof = [_raw(item) for item in case["proof"] or []]
        held = _holds(verify_consistency, case["size1"], case["size2"], proof, _raw(case["root1"]), _raw(case["root2"]))
        assert held != case["wantErr"], name


@pytest.mark.real
def test_subtree_inclusion_vectors(shared: Path) -> None:
    """Every published vector of inclusion in a subtree is accepted or refused as it says."""
    for name, case in _vectors(shared / "tlog" / "subtreeinclusion"):
        place = (case["leafIdx"], case["start"], case["end"])
        proof = [_raw(item) for item in case["proof"] or []]
        held = _holds(verify_subtree_inclusion, _raw(case["leafHash"]), *place, proof, _raw(case["root"]))
        assert held != case["wantErr"], name


@pytest.mark.real
def test_subtree_consistency_vectors(shared: Path) -> None:
    """Every published vector of a subtree's consistency is accepted or refused as it says."""
    for name, case in _vectors(shared / "tlog" / "subtreeconsistency"):
        place = (case["start"], case["end"], case["size"])
        proof = [_raw(item) for item in case["proof"] or []]
        held = _holds(verify_subtree, *place, proof, _raw(case["root1"]), _raw(case["root2"]))
        assert held != case["wantErr"], name


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


def _naive_root(entries: list[bytes]) -> bytes:
    """MTH, word for word from RFC 6962, section 2.1."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\1" + _naive_root(entries[:split]) + _naive_root(entries[split:])).digest()


def _entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def _subtree(entries: list[bytes]) -> Any:
    hashes = [leaf_hash(entry) for entry in entries]
    return lambda level, at: fold(hashes[at << level : (at + 1) << level])


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_roots_equal_the_definition(entries: list[bytes]) -> None:
    assert root_of(entries) == _naive_root(entries)


@settings(max_examples=150)
@given(size=st.integers(1, 70), data=st.data())
def test_inclusion_proofs_hold_and_fail_on_any_changed_bit(size: int, data: st.DataObject) -> None:
    """The proof of any entry holds; with one bit of leaf, root or proof changed, or another place or size, it fails."""
    index = data.draw(st.integers(0, size - 1))
    entries = _entries(size)
    hashes = inclusion_path(_subtree(entries), index, size)
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
    hashes = consistency_path(_subtree(entries), old, new)
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
    split = 1
    while split * 2 < len(entries):
        split *= 2
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
