"""The tree of RFC 6962: hashes, proofs and their checks, over the hash of the log's profile (SHA-256 by default)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tallystick.core import InputError, TamperError
from tallystick.ledger.profile import HASH_BYTES, INTERNATIONAL, Profile
from tallystick.ledger.words import WORDS


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


def leaf_hash(entry: bytes, profile: Profile = INTERNATIONAL) -> bytes:
    """The hash of an entry: H(0x00 ‖ entry) (RFC 6962, section 2.1).

    Examples
    --------
    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return profile.leaf_hash(entry)


def fold(hashes: Sequence[bytes], profile: Profile = INTERNATIONAL) -> bytes:
    """The root of a full subtree whose lower hashes are given; their number is a power of two."""
    while len(hashes) > 1:
        hashes = profile.above(hashes)
    return hashes[0]


def root_of(entries: Sequence[bytes], profile: Profile = INTERNATIONAL) -> bytes:
    """The root of the tree of these entries, computed whole.

    Examples
    --------
    >>> root_of([]).hex()[:16], root_of([b"one", b"two"]).hex()[:16]
    ('e3b0c44298fc1c14', '4f55f619d9215235')
    """
    hashes = profile.leaf_hashes(entries)
    return range_root(lambda level, at: fold(hashes[at << level : (at + 1) << level], profile), 0, len(hashes), profile)


Subtree = Callable[[int, int], bytes]
"""(level, index) → the root of the full subtree of 2^level entries that starts at entry index × 2^level."""


def range_root(subtree: Subtree, start: int, stop: int, profile: Profile = INTERNATIONAL) -> bytes:
    """The root over entries start … stop − 1; `start` is a multiple of the smallest power of two ≥ their number."""
    if stop == start:
        return profile.empty
    level = (stop - start).bit_length() - 1
    if stop - start == 1 << level:
        return subtree(level, start >> level)
    parts: list[bytes] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        parts.append(subtree(level, start >> level))
        start += 1 << level
    root = parts.pop()
    while parts:
        root = profile.node_hash(parts.pop(), root)
    return root


def verify_inclusion(
    hashed: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes, profile: Profile = INTERNATIONAL
) -> None:
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
    profile
        What the log hashes with.

    Raises
    ------
    TamperError
        When the proof does not hold.

    Examples
    --------
    >>> verify_inclusion(leaf_hash(b"one"), 0, 2, [leaf_hash(b"two")], root_of([b"one", b"two"]))
    """
    if not 0 <= index < size or any(len(item) != HASH_BYTES for item in (hashed, root, *hashes)):
        raise TamperError(WORDS("proof.shape", index=index, size=size))
    at, last, result, node_hash = index, size - 1, hashed, profile.node_hash
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


def verify_consistency(
    old: int,
    new: int,
    hashes: Sequence[bytes],
    old_root: bytes,
    new_root: bytes,
    profile: Profile = INTERNATIONAL,
) -> None:
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
    if not 0 < old <= new:
        raise TamperError(WORDS("proof.sizes", old=old, new=new))
    if old == new:
        if hashes or old_root != new_root:
            raise TamperError(WORDS("proof.consistency", old=old, new=new))
        return
    if any(len(item) != HASH_BYTES for item in (old_root, new_root, *hashes)):
        raise TamperError(WORDS("proof.sizes", old=old, new=new))
    if not hashes:
        raise TamperError(WORDS("proof.length", given=0))
    path = list(hashes) if old & (old - 1) else [old_root, *hashes]
    if consistency_roots(old, new, path, profile) != (old_root, new_root):
        raise TamperError(WORDS("proof.consistency", old=old, new=new))


def consistency_roots(
    old: int, new: int, path: Sequence[bytes], profile: Profile = INTERNATIONAL
) -> tuple[bytes, bytes]:
    """The roots of the trees of `old` and of `new` entries that a path gives, for 0 < old < new.

    The path is a consistency proof; where `old` is a power of two, the old root stands before it.

    Raises
    ------
    TamperError
        When the path has another number of hashes than these sizes need.
    """
    at, last, node_hash = old - 1, new - 1, profile.node_hash
    while at & 1:
        at, last = at >> 1, last >> 1
    old_root = new_root = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise TamperError(WORDS("proof.length", given=len(path)))
        if at & 1 or at == last:
            old_root = node_hash(sibling, old_root)
            new_root = node_hash(sibling, new_root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new_root = node_hash(new_root, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise TamperError(WORDS("proof.length", given=len(path)))
    return old_root, new_root


def valid_subtree(start: int, stop: int) -> bool:
    """Whether entries start … stop − 1 are a subtree: start is a multiple of the smallest power of two ≥ their number.

    Examples
    --------
    >>> valid_subtree(8, 13), valid_subtree(4, 13)
    (True, False)
    """
    return 0 <= start < stop and start % (1 << (stop - start - 1).bit_length()) == 0


def subtree_path(
    subtree: Subtree, start: int, stop: int, size: int, profile: Profile = INTERNATIONAL
) -> tuple[bytes, ...]:
    """SUBTREE_PROOF(start, stop, D[size]) of draft-ietf-plants-merkle-tree-certs, for a valid subtree inside the tree.

    From an empty start it is the consistency proof of RFC 6962.
    """
    hashes: list[bytes] = []
    low, high, whole = 0, size, True
    while (low, high) != (start, stop):
        middle = low + _split(high - low)
        if stop <= middle:
            hashes.append(range_root(subtree, middle, high, profile))
            high = middle
        else:
            hashes.append(range_root(subtree, low, middle, profile))
            low = middle
            # A subtree that reaches across the middle begins at its left end; what stays of it is to the right.
            whole, start = whole and start >= middle, max(start, middle)
    if not whole:
        hashes.append(range_root(subtree, start, stop, profile))
    return tuple(reversed(hashes))


def verify_subtree_inclusion(
    hashed: bytes,
    index: int,
    start: int,
    stop: int,
    hashes: Sequence[bytes],
    root: bytes,
    profile: Profile = INTERNATIONAL,
) -> None:
    """Check that a leaf hash is entry `index` of the log, inside the subtree start … stop − 1 with this root.

    Raises
    ------
    TamperError
        When it is no subtree, or the proof does not hold.

    Examples
    --------
    >>> verify_subtree_inclusion(leaf_hash(b"three"), 2, 2, 3, [], leaf_hash(b"three"))
    """
    if not valid_subtree(start, stop):
        raise TamperError(WORDS("proof.subtree", start=start, stop=stop))
    verify_inclusion(hashed, index - start, stop - start, hashes, root, profile)


def verify_subtree(
    start: int,
    stop: int,
    size: int,
    hashes: Sequence[bytes],
    subtree_root: bytes,
    root: bytes,
    profile: Profile = INTERNATIONAL,
) -> None:
    """Check that a subtree belongs to the tree of `size` entries (draft-ietf-plants-merkle-tree-certs, section 4.4.3).

    Parameters
    ----------
    start, stop
        The subtree's entries start … stop − 1. An empty subtree has the empty root and no proof.
    size
        How many entries the tree has.
    hashes
        The proof, from the lowest level up.
    subtree_root, root
        The roots of the subtree and of the tree.
    profile
        What the log hashes with.

    Raises
    ------
    TamperError
        When it is no subtree of that tree, or the proof does not hold.

    Examples
    --------
    >>> entries = [b"one", b"two", b"three"]
    >>> verify_subtree(0, 2, 3, [leaf_hash(b"three")], root_of(entries[:2]), root_of(entries))
    """
    if 0 <= start == stop <= size and not hashes and subtree_root == profile.empty:
        return
    if not valid_subtree(start, stop) or stop > size:
        raise TamperError(WORDS("proof.subtree", start=start, stop=stop))
    if stop - start == size:
        if hashes or subtree_root != root:
            raise TamperError(WORDS("proof.root"))
        return
    if not hashes or any(len(item) != HASH_BYTES for item in (subtree_root, root, *hashes)):
        raise TamperError(WORDS("proof.length", given=len(hashes)))
    first, at, last, node_hash = start, stop - 1, size - 1, profile.node_hash
    while first != at and (at == last or at & 1):
        first, at, last = first >> 1, at >> 1, last >> 1
    path = list(hashes) if first != at else [subtree_root, *hashes]
    inner = outer = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise TamperError(WORDS("proof.length", given=len(hashes)))
        if at & 1 or at == last:
            inner = node_hash(sibling, inner) if first < at else inner
            outer = node_hash(sibling, outer)
            while at and not at & 1:
                first, at, last = first >> 1, at >> 1, last >> 1
        else:
            outer = node_hash(outer, sibling)
        first, at, last = first >> 1, at >> 1, last >> 1
    if last != 0:
        raise TamperError(WORDS("proof.length", given=len(hashes)))
    if inner != subtree_root or outer != root:
        raise TamperError(WORDS("proof.root"))


def check_range(index: int, size: int, held: int) -> None:
    """Refuse an index outside a tree, or a tree larger than the log holds."""
    if not 0 <= size <= held:
        raise InputError(WORDS("log.size", given=size, size=held))
    if not 0 <= index < size:
        raise InputError(WORDS("log.outside", index=index, size=size))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
