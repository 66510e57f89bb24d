"""Published vectors of transparency-dev/merkle, and the probes of the same kinds made of trees of our own.

The probes spoil a true proof in every way that the published generator does; a tree written from the RFC alone, which
shares no code with the ledger, says what is true.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.naive import Naive, subtrees

from tallystick.core import TamperError
from tallystick.ledger import verify_consistency, verify_inclusion, verify_subtree, verify_subtree_inclusion

_SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")
_EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
_WORD = 1 << 64
_LEAST = {"inclusion": (52, 49), "consistency": (44, 41), "subtreeinclusion": (103, 95), "subtreeconsistency": (58, 50)}
"""Per folder: how many vectors were published to us, and how many of them must be refused."""


def holds(check: Callable[..., None], *arguments: Any) -> bool:
    """Whether a check lets it pass; it may refuse with a TamperError and with nothing else."""
    try:
        check(*arguments)
    except TamperError:
        return False
    return True


def _raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _judge(kind: str, case: dict[str, Any]) -> bool:
    proof = [_raw(item) for item in case["proof"] or []]
    if kind == "inclusion":
        return holds(
            verify_inclusion, _raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, _raw(case["root"])
        )
    if kind == "subtreeinclusion":
        place = (case["leafIdx"], case["start"], case["end"])
        return holds(verify_subtree_inclusion, _raw(case["leafHash"]), *place, proof, _raw(case["root"]))
    roots = (_raw(case["root1"]), _raw(case["root2"]))
    if kind == "consistency":
        return holds(verify_consistency, case["size1"], case["size2"], proof, *roots)
    return holds(verify_subtree, case["start"], case["end"], case["size"], proof, *roots)


@pytest.mark.real
def test_every_file_of_vectors_is_one_of_a_kind_that_is_run(shared: Path) -> None:
    """No file is passed over: each lies in a folder that the next test runs."""
    files = [path for path in (shared / "tlog").rglob("*") if path.is_file()]
    assert {path.relative_to(shared / "tlog").parts[0] for path in files} == set(_LEAST)
    assert {path.suffix for path in files} == {".json"}
    assert len(files) >= sum(count for count, _ in _LEAST.values())


@pytest.mark.real
@pytest.mark.parametrize("kind", _LEAST)
def test_published_vectors(shared: Path, kind: str) -> None:
    """Each is accepted or refused as it says; all that must be refused are."""
    paths = sorted((shared / "tlog" / kind).rglob("*.json"))
    cases = {str(path): json.loads(path.read_bytes()) for path in paths}
    wrong = [name for name, case in cases.items() if _judge(kind, case) is case["wantErr"]]
    assert wrong == []
    refused = sum(case["wantErr"] for case in cases.values())
    assert (len(cases) >= _LEAST[kind][0], refused >= _LEAST[kind][1]) == (True, True)
    assert refused < len(cases)


def _entries(size: int) -> list[bytes]:
    """The eight well-known leaves of Certificate Transparency, and more that differ from each other."""
    known = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    return ([bytes.fromhex(text) for text in known] + [b"entry %d" % number for number in range(8, size)])[:size]


_TREE = Naive(_entries(40))


def _spoiled(proof: list[bytes], *roots: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """The proof cut, lengthened, turned, and with a bit changed in each part."""
    yield "emptied", [] if proof else [_SOME]
    for name, part in [("nothing", b""), ("some hash", _SOME), *(("root", root) for root in roots)]:
        yield f"{name} behind", [*proof, part]
        yield f"{name} before", [part, *proof]
    for at, part in enumerate(proof):
        yield f"hash {at} twice", [*proof[: at + 1], *proof[at:]]
        yield f"hash {at} missing", [*proof[:at], *proof[at + 1 :]]
        yield f"a hash put in before {at}", [*proof[:at], _SOME, *proof[at:]]
        yield f"hash {at} cut", [*proof[:at], part[:-1], *proof[at + 1 :]]
        yield f"hash {at} longer", [*proof[:at], part + b"\0", *proof[at + 1 :]]
        for bit in (0, 3, 4, 255):
            changed = (int.from_bytes(part) ^ (1 << bit)).to_bytes(32)
            yield f"bit {bit} of hash {at}", [*proof[:at], changed, *proof[at + 1 :]]
    if len(proof) > 1:
        yield "backwards", proof[::-1]
        yield "first and second changed", [proof[1], proof[0], *proof[2:]]


def _roots(root: bytes) -> list[bytes]:
    return [b"", b"WrongRoot", root[:-1], root + b"\0", _EMPTY, _SOME, (int.from_bytes(root) ^ 8).to_bytes(32)]


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33])
def test_probes_of_inclusion(size: int) -> None:
    """Every entry of a tree, whole and as a subtree that lies further right."""
    root = _TREE.root(size)
    for index in range(size):
        hashed, proof = _TREE.leaves[index], _TREE.path(index, 0, size)
        assert holds(verify_inclusion, hashed, index, size, proof, root)
        shift = 1 << size.bit_length()
        assert holds(verify_subtree_inclusion, hashed, index + shift, shift, size + shift, proof, root)
        assert not holds(verify_subtree_inclusion, hashed, index, shift, size + shift, proof, root)
        wrong: list[tuple[str, tuple[Any, ...]]] = [
            (f"index {other}", (hashed, other % _WORD, size, proof, root))
            for other in (index - 1, index + 1, index ^ 2, index + _WORD // 2, size, -1)
        ]
        wrong += [(f"size {other}", (hashed, index, other, proof, root)) for other in (size * 2, size // 2, 0)]
        wrong += [("leaf", (leaf, index, size, proof, root)) for leaf in [b"WrongLeaf", *_roots(hashed)]]
        wrong += [("root", (hashed, index, size, proof, other)) for other in _roots(root)]
        wrong += [(name, (hashed, index, size, bad, root)) for name, bad in _spoiled(proof, root)]
        for name, case in wrong:
            assert not holds(verify_inclusion, *case), (name, index, size)
            leaf, at, many, path, top = case
            moved = (leaf, at + shift, shift, many + shift, path, top)
            assert not holds(verify_subtree_inclusion, *moved), (name, index, size)


@pytest.mark.parametrize("new", [*range(2, 18), 31, 32, 33])
def test_probes_of_consistency(new: int) -> None:
    """Every earlier size of a tree; judged alike as the subtree from 0."""
    for old in range(1, new):
        one, two, proof = _TREE.root(old), _TREE.root(new), _TREE.proof(old, new)
        assert holds(verify_consistency, old, new, proof, one, two)
        wrong: list[tuple[str, tuple[Any, ...]]] = [
            (f"old size {other}", (other % _WORD, new, proof, one, two))
            for other in (old - 1, old + 1, old ^ 2, new, new + 1, -1)
            if other != old
        ]
        wrong += [(f"new size {other}", (old, other, proof, one, two)) for other in (new * 2, new // 2, old - 1, 0)]
        wrong += [("old root", (old, new, proof, other, two)) for other in [two, *_roots(one)]]
        wrong += [("new root", (old, new, proof, one, other)) for other in [one, *_roots(two)]]
        wrong += [("roots the other way", (old, new, proof, two, one))]
        wrong += [(name, (old, new, bad, one, two)) for name, bad in _spoiled(proof, one, two)]
        for name, case in wrong:
            assert not holds(verify_consistency, *case), (name, old, new)
            assert not holds(verify_subtree, 0, *case), (name, old, new)


@pytest.mark.parametrize("size", [*range(2, 14), 16, 17])
def test_probes_of_subtrees(size: int) -> None:
    """Every subtree of a tree, but the whole of it."""
    root = _TREE.root(size)
    for start, stop in subtrees(size):
        if stop - start == size:
            continue
        inner, proof = _TREE.mth(start, stop), _TREE.subtree_proof(start, stop, size)
        assert holds(verify_subtree, start, stop, size, proof, inner, root)
        places = [(start, stop - 1), (start, stop + 1), (start, stop ^ 2), (start + 1, stop), (start - 1, stop)]
        places += [(start ^ 2, stop), (stop, stop), (stop, start), (start + _WORD, stop + _WORD), (-start - 1, stop)]
        wrong: list[tuple[str, tuple[Any, ...]]] = [
            (f"place {place}", (*place, size, proof, inner, root)) for place in places if place != (start, stop)
        ]
        wrong += [(f"size {many}", (start, stop, many, proof, inner, root)) for many in (size * 2, size // 2, 0)]
        wrong += [("inner root", (start, stop, size, proof, other, root)) for other in [root, *_roots(inner)]]
        wrong += [("root", (start, stop, size, proof, inner, other)) for other in [inner, *_roots(root)]]
        wrong += [(name, (start, stop, size, bad, inner, root)) for name, bad in _spoiled(proof, inner, root)]
        for name, case in wrong:
            assert not holds(verify_subtree, *case), (name, start, stop, size)


def test_proofs_that_prove_nothing() -> None:
    """Sizes of zero, trees that shrink, equal sizes, empty subtrees: what holds without a hash, and what never does."""
    for root in (_EMPTY, b"any text", b""):
        assert not holds(verify_consistency, 0, 0, [], root, root)
        assert not holds(verify_consistency, 0, 1, [], root, _SOME)
        assert not holds(verify_consistency, 0, 1, [_EMPTY], root, root)
        assert holds(verify_consistency, 1, 1, [], root, root)
        assert not holds(verify_consistency, 1, 1, [_EMPTY], root, root)
        assert not holds(verify_consistency, 1, 1, [], root, _SOME)
        for sizes in ((1, 0), (2, 1), (_WORD, 1), (1, 2), (-1, 1), (-2, -1)):
            assert not holds(verify_consistency, *sizes, [], root, root)
        for place in ((0, 0), (0, 1), (1, 0), (2, 1), (-1, 1), (_WORD - 1, 1)):
            assert not holds(verify_inclusion, root, *place, [], _SOME)
            assert not holds(verify_inclusion, _SOME, *place, [], root)
        for start, stop in ((0, 0), (1, 1), (3, 5), (1, _WORD // 2 + 2), (2, 1), (5, 7), (6, 9)):
            assert not holds(verify_subtree_inclusion, _SOME, start, start, stop, [], root)
            assert not holds(verify_subtree, start, stop, 8, [], root, _SOME) or (root == _EMPTY and start == stop)
    assert holds(verify_subtree, 1, 1, 1, [], _EMPTY, _SOME)
    assert not holds(verify_subtree, 1, 1, 1, [_EMPTY], _EMPTY, _EMPTY)
    assert not holds(verify_subtree, 2, 2, 1, [], _EMPTY, _SOME)
    assert not holds(verify_inclusion, b"", 0, 1, [], b"")


@pytest.mark.parametrize("size", [(1 << 62) + 1, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, (1 << 64) - 1])
def test_the_largest_trees(size: int) -> None:
    """Trees that nobody can store are judged too: 63 or 64 steps, no overflow, no endless loop."""
    for index in (0, 1, size // 2, size - 2, size - 1):
        for length in (0, 1, 62, 63, 64, 65):
            assert not holds(verify_inclusion, _SOME, index, size, [_SOME] * length, _EMPTY)
            assert not holds(verify_consistency, index + 1, size, [_SOME] * length, _EMPTY, _SOME)
            assert not holds(verify_subtree, index, index + 1, size, [_SOME] * length, _EMPTY, _SOME)
