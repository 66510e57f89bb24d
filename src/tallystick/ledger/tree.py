"""The tree of RFC 6962 over SHA-256: hashes, proofs and their checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from tallystick.core import InputError, TamperError
from tallystick.ledger.words import WORDS

EMPTY_ROOT = hashlib.sha256(b"").digest()
_HASH_BYTES = 32


class InclusionProof(msgspec.Struct, frozen=True):
    """That entry `index` (from 0) is in the tree of `size` entries: the siblings from its leaf up."""

    index: int
    size: int
    hashes: tuple[bytes, ...]


class ConsistencyProof(msgspec.Struct, frozen=True):
    """That the tree of `new` entries only adds to the tree of `old` entries."""

    old: int
    new: int
    hashes: tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry: SHA-256(0x00 ‖ entry) (RFC 6962, section 2.1).

    Examples
    --------
    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of a full subtree whose lower hashes are given; their number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def root_of(entries: Sequence[bytes]) -> bytes:
    """The root of the tree of these entries, computed whole.

    Examples
    --------
    >>> root_of([]).hex()[:16], root_of([b"one", b"two"]).hex()[:16]
    ('e3b0c44298fc1c14', '4f55f619d9215235')
    """
    hashes = [leaf_hash(entry) for entry in entries]
    return range_root(lambda level, at: fold(hashes[at << level : (at + 1) << level]), 0, len(hashes))


Subtree = Callable[[int, int], bytes]
"""(level, index) → the root of the full subtree of 2^level entries that starts at entry index × 2^level."""


def range_root(subtree: Subtree, start: int, stop: int) -> bytes:
    """The root over entries start … stop − 1; `start` is a multiple of the smallest power of two ≥ their number."""
    if stop == start:
        return EMPTY_ROOT
    parts: list[bytes] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        parts.append(subtree(level, start >> level))
        start += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def inclusion_path(subtree: Subtree, index: int, size: int) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962, section 2.1.1: the siblings from the leaf up."""
    hashes: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            hashes.append(range_root(subtree, middle, stop))
            stop = middle
        else:
            hashes.append(range_root(subtree, start, middle))
            start = middle
    return tuple(reversed(hashes))


def consistency_path(subtree: Subtree, old: int, new: int) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) of RFC 6962, section 2.1.2, for 0 < old <= new."""
    hashes: list[bytes] = []
    start, stop, whole = 0, new, True
    while stop > old:
        middle = start + _split(stop - start)
        if old <= middle:
            hashes.append(range_root(subtree, middle, stop))
            stop = middle
        else:
            hashes.append(range_root(subtree, start, middle))
            start, whole = middle, False
    if not whole:
        hashes.append(range_root(subtree, start, stop))
    return tuple(reversed(hashes))


def verify_inclusion(hashed: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash is entry `index` of the tree with this size and root (RFC 9162, section 2.1.3.2).

    Parameters
    ----------
    hashed
        The entry's `leaf_hash`.
    index
        Its place, from 0.
    size
        How many entries the tree has.
    hashes
        The proof, from the leaf's sibling up.
    root
        The tree's root.

    Raises
    ------
    TamperError
        When the proof does not hold.

    Examples
    --------
    >>> verify_inclusion(leaf_hash(b"one"), 0, 2, [leaf_hash(b"two")], root_of([b"one", b"two"]))
    """
    if not 0 <= index < size or any(len(item) != _HASH_BYTES for item in (hashed, root, *hashes)):
        raise TamperError(WORDS("proof.shape", index=index, size=size))
    at, last, result = index, size - 1, hashed
    for sibling in hashes:
        if last == 0:
            raise TamperError(WORDS("proof.length", given=len(hashes)))
        if at & 1 or at == last:
            result = node_hash(sibling, result)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise TamperError(WORDS("proof.length", given=len(hashes)))
    if result != root:
        raise TamperError(WORDS("proof.root"))


def verify_consistency(old: int, new: int, hashes: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` entries only adds to the tree of `old` entries (RFC 9162, section 2.1.4.2).

    Raises
    ------
    TamperError
        When the proof does not hold; there is none from an empty tree.

    Examples
    --------
    >>> one, both = root_of([b"one"]), root_of([b"one", b"two"])
    >>> verify_consistency(1, 2, [leaf_hash(b"two")], one, both)
    """
    if not 0 < old <= new or any(len(item) != _HASH_BYTES for item in (old_root, new_root, *hashes)):
        raise TamperError(WORDS("proof.sizes", old=old, new=new))
    if old == new:
        if hashes or old_root != new_root:
            raise TamperError(WORDS("proof.consistency", old=old, new=new))
        return
    path = list(hashes) if old & (old - 1) else [old_root, *hashes]
    if not hashes:
        raise TamperError(WORDS("proof.length", given=0))
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise TamperError(WORDS("proof.length", given=len(hashes)))
        if at & 1 or at == last:
            old_result = node_hash(sibling, old_result)
            new_result = node_hash(sibling, new_result)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new_result = node_hash(new_result, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise TamperError(WORDS("proof.length", given=len(hashes)))
    if old_result != old_root or new_result != new_root:
        raise TamperError(WORDS("proof.consistency", old=old, new=new))


def check_range(index: int, size: int, held: int) -> None:
    """Refuse an index outside a tree, or a tree larger than the log holds."""
    if not 0 <= size <= held:
        raise InputError(WORDS("log.size", given=size, size=held))
    if not 0 <= index < size:
        raise InputError(WORDS("log.outside", index=index, size=size))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
