"""What is written is read as it was written: notes, checkpoints, tiles, bundles, proofs, policies, requests."""

from __future__ import annotations

import base64
import json
import os
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.ledger.naive import Naive, subtrees

from tallystick.core import InputError, TamperError
from tallystick.ledger import (
    Checkpoint,
    InclusionProof,
    KeyKind,
    Signer,
    Verifier,
    add_signatures,
    check_equivocation,
    check_policy,
    cosign,
    generate_key,
    leaf,
    make_bundle,
    make_equivocation,
    open_checkpoint,
    open_note,
    parse_policy,
    sign_checkpoint,
    sign_note,
    sign_subtree,
    subtree_holds,
    verify,
)
from tallystick.ledger.cosignature import signed_time
from tallystick.ledger.head import read_checkpoint
from tallystick.ledger.note import Note, Signature, read_note, read_signatures
from tallystick.ledger.policy import Policy
from tallystick.ledger.tiles import pack_entries, read_entries, read_hashes, tile_path
from tallystick.ledger.witness import Request, read_request, write_request
from tallystick.ledger.witness.subtree import SubtreeRequest, read_subtree_request, write_subtree_request

_MANY = 40 if os.environ.get("TALLYSTICK_SOAK") == "1" else 1
_NAME = "bank.example/log"
_LOG = Signer(generate_key(_NAME)[0])
_MODERN = Signer(generate_key(_NAME, KeyKind.ML_DSA_44)[0])
_KINDS = (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44)
_WITNESSES = [Signer(generate_key(f"w{at}.example", _KINDS[at % 2])[0]) for at in range(6)]

_words = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=30)
_names = _words.filter(lambda name: not any(letter.isspace() or letter == "+" for letter in name))
_hashes = st.binary(min_size=32, max_size=32)
_sizes = st.integers(0, 2**63 - 1) | st.sampled_from([0, 1, 255, 256, 2**32, 2**53, 2**63 - 1])
_signatures = st.builds(Signature, _names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90))
_heads = st.builds(Checkpoint, _words, _sizes, _hashes, st.lists(_words, max_size=3).map(tuple))


@settings(max_examples=120 * _MANY)
@given(st.lists(st.just("") | _words, min_size=1, max_size=6), st.lists(_signatures, min_size=1, max_size=100))
def test_notes(lines: list[str], signatures: list[Signature]) -> None:
    """Any text, empty lines too, under any names: note and bytes go into each other."""
    note = Note("\n".join(lines) + "\n", tuple(signatures))
    assert read_note(note.encode()) == note
    assert read_note(note.encode()).encode() == note.encode()
    assert read_signatures("".join(signature.line() for signature in signatures)) == note.signatures


@settings(max_examples=120 * _MANY)
@given(_heads)
def test_checkpoints(head: Checkpoint) -> None:
    assert read_checkpoint(head.text()) == head
    assert read_checkpoint(head.text()).text() == head.text()


@settings(max_examples=60 * _MANY)
@given(_names, st.sampled_from([KeyKind.ED25519, *_KINDS]))
def test_keys(name: str, kind: KeyKind) -> None:
    """A key is read from its text, secret and public; a secret one is never a public one."""
    secret, public = generate_key(name, kind)
    signer, verifier = Signer(secret), Verifier(public)
    assert (
        (signer.name, signer.kind, signer.id) == (verifier.name, verifier.kind, verifier.id) == (name, kind, signer.id)
    )
    assert signer.verifier.vkey == public
    with pytest.raises(InputError):
        Verifier(secret)
    with pytest.raises(InputError):
        Signer(public)


@settings(max_examples=60 * _MANY)
@given(
    _heads,
    st.lists(st.sampled_from(_WITNESSES), unique=True),
    st.integers(0, 2**63 - 1),
    st.sampled_from([_LOG, _MODERN]),
)
def test_cosigned_checkpoints(head: Checkpoint, witnesses: list[Signer], time_s: int, signer: Signer) -> None:
    """Signed, cosigned, opened: the same head, those who signed and their times; any line left out is only left out."""
    head = Checkpoint(_NAME, head.size, head.root, head.extensions)
    note = add_signatures(sign_checkpoint(head, signer), cosign(sign_checkpoint(head, signer), witnesses, time_s))
    keys = [signer.verifier, *(witness.verifier for witness in witnesses)]
    # A signature of ML-DSA-44 does not cover extension lines, so they are not given out.
    known = head if signer is _LOG else Checkpoint(_NAME, head.size, head.root)
    assert open_checkpoint(note, keys) == known
    assert open_note(note, keys)[1] == (_NAME, *(witness.name for witness in witnesses))
    lines = read_note(note).signatures
    assert [signed_time(key.kind, line.signature) for key, line in zip(keys[1:], lines[1:], strict=True)] == [
        time_s
    ] * len(witnesses)
    assert add_signatures(note, lines) == note
    fewer = Note(head.text(), (lines[0], *lines[2:])).encode()
    assert open_checkpoint(fewer, keys) == known


@settings(max_examples=150 * _MANY)
@given(text=st.lists(_words, min_size=1, max_size=4), data=st.data())
def test_one_bit_of_a_signed_text_is_enough(text: list[str], data: st.DataObject) -> None:
    """Any text, any bit of it or of its signature line."""
    whole = sign_note("\n".join(text) + "\n", [_LOG])
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TamperError):
        open_note(bytes(changed), [_LOG.verifier])


@settings(max_examples=60 * _MANY)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256), st.integers(0, 10**9))
def test_entry_bundles(tmp_path_factory: pytest.TempPathFactory, entries: list[bytes], number: int) -> None:
    """Of every width; the first so many are read from a full one too."""
    folder = tmp_path_factory.mktemp("tiles")
    path = folder / tile_path("entries", number, len(entries))
    path.parent.mkdir(parents=True)
    path.write_bytes(pack_entries(entries))
    assert read_entries(folder, number, len(entries)) == entries
    if len(entries) == 256:
        assert read_entries(folder, number, 17) == entries[:17]


@settings(max_examples=60 * _MANY)
@given(st.lists(_hashes, min_size=1, max_size=256), st.integers(0, 63), st.integers(0, 2**56))
def test_tiles(tmp_path_factory: pytest.TempPathFactory, hashes: list[bytes], level: int, number: int) -> None:
    folder = tmp_path_factory.mktemp("tiles")
    path = folder / tile_path(level, number, len(hashes))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(hashes))
    assert read_hashes(folder, level, number, len(hashes)) == hashes


@given(st.integers(0, 2**60), st.integers(0, 2**60), st.integers(1, 256), st.integers(1, 256))
def test_no_two_tiles_share_a_path(one: int, other: int, width: int, another: int) -> None:
    """A path names one tile, and no path lies below another tile's."""
    first, second = tile_path(3, one, width), tile_path(3, other, another)
    assert (first == second) is ((one, width) == (other, another))
    assert not second.startswith(first + "/")


@settings(max_examples=100 * _MANY)
@given(
    index=st.integers(0, 39),
    payload=st.none() | st.binary(max_size=200),
    salt=_hashes,
    public=st.dictionaries(_words.filter(lambda name: name not in {"digest", "kind"}), _words, max_size=3),
    files=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.binary(max_size=80), max_size=3
    ),
)
def test_proof_files(
    index: int, payload: bytes | None, salt: bytes, public: dict[str, str], files: dict[str, bytes]
) -> None:
    """What is packed is what the verdict gives out; the file is its own canonical form."""
    entry = leaf("decision", b"{}" if payload is None else payload, salt, public)
    tree = Naive([entry if at == index else b"%d" % at for at in range(40)])
    proof = InclusionProof(index, 40, tuple(tree.path(index, 0, 40)))
    note = sign_checkpoint(Checkpoint(_NAME, 40, tree.root(40)), _LOG)
    bundle = make_bundle(entry, proof, note, payload, None if payload is None else salt, files)
    verdict = verify(bundle, [_LOG.verifier.vkey])
    assert verdict.fault is None
    assert (verdict.origin, verdict.size, verdict.index) == (_NAME, 40, index)
    assert (verdict.leaf.encode(), verdict.payload, dict(verdict.files)) == (entry, payload, files)
    lines = json.loads(bundle)["tlog_proof"].partition("\n\n")[0].split("\n")
    assert [base64.b64decode(line) for line in lines[2:]] == list(proof.hashes)


@settings(max_examples=120 * _MANY)
@given(_sizes, st.lists(_hashes, max_size=63), st.binary(max_size=200))
def test_requests_to_witnesses(old: int, hashes: list[bytes], note: bytes) -> None:
    request = Request(old, tuple(hashes), note)
    assert read_request(write_request(request)) == request
    assert write_request(read_request(write_request(request))) == write_request(request)


@settings(max_examples=80 * _MANY)
@given(st.data())
def test_requests_to_sign_a_subtree(data: st.DataObject) -> None:
    """With cosignatures of it and of the checkpoint, and without."""
    size = data.draw(st.integers(1, 2**63))
    step = 1 << data.draw(st.integers(0, size.bit_length() - 1))
    start = data.draw(st.integers(0, (size - 1) // step)) * step
    stop = min(size, start + data.draw(st.integers(step // 2 + 1, step)))
    note = Note(Checkpoint(_NAME, size, bytes(32)).text(), tuple(data.draw(st.lists(_signatures, max_size=8))))
    lines, hashes = data.draw(st.lists(_signatures, max_size=8)), data.draw(st.lists(_hashes, max_size=63))
    request = SubtreeRequest(start, stop, data.draw(_hashes), tuple(hashes), note, tuple(lines))
    assert read_subtree_request(write_subtree_request(request)) == request


@settings(max_examples=60 * _MANY)
@given(_sizes, _hashes, _hashes)
def test_proofs_of_forks(size: int, root: bytes, other: bytes) -> None:
    """Two roots of one size are a fork, written and read; one root twice is none."""
    assume(root != other)
    one, two = (sign_checkpoint(Checkpoint(_NAME, size, item), _LOG) for item in (root, other))
    found = check_equivocation(make_equivocation(one, two), [_LOG.verifier])
    assert (found.first.root, found.second.root, found.first.size) == (root, other, size)
    with pytest.raises(TamperError):
        check_equivocation(make_equivocation(one, one), [_LOG.verifier])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_signed_subtrees(size: int) -> None:
    """Every subtree of a tree is signed and holds; for no other of its subtrees does the signature hold."""
    tree, witness = Naive([b"%d" % at for at in range(size)]), _WITNESSES[1]
    places = subtrees(size)
    for start, stop in places:
        signature = sign_subtree(witness, _NAME, start, stop, tree.mth(start, stop))
        for low, high in places:
            held = subtree_holds(witness.verifier, _NAME, low, high, tree.mth(low, high), signature)
            assert held is ((low, high) == (start, stop))


class _Made:
    """A policy of some groups over the six witnesses, as text, and its quorum word for word from the specification."""

    def __init__(self, data: st.DataObject) -> None:
        self.lines = [f"witness {name} {signer.verifier.vkey}" for name, signer in self.named().items()]
        self.groups: dict[str, tuple[str, list[str]]] = {}
        free = list(self.named())
        for at in range(data.draw(st.integers(0, 4))):
            members = data.draw(st.lists(st.sampled_from(free), min_size=1, unique=True)) if free else []
            if members:
                needed = data.draw(st.sampled_from(["any", "all", str(data.draw(st.integers(1, len(members))))]))
                self.groups[f"g{at}"] = (needed, members)
                self.lines.append(" ".join(("group", f"g{at}", needed, *members)))
                free = [name for name in free if name not in members] + [f"g{at}"]
        self.quorum = data.draw(st.sampled_from([*free, "w0", "none"]))
        self.lines.append(f"quorum {self.quorum}")

    @staticmethod
    def named() -> dict[str, Signer]:
        return {f"w{at}": signer for at, signer in enumerate(_WITNESSES)}

    def holds(self, name: str, cosigned: set[str]) -> bool:
        if name not in self.groups:
            return name == "none" or name in cosigned
        needed, members = self.groups[name]
        count = {"any": 1, "all": len(members)}.get(needed) or int(needed)
        return sum(self.holds(member, cosigned) for member in members) >= count


@settings(max_examples=50 * _MANY)
@given(st.data())
def test_policies(data: st.DataObject) -> None:
    """Any policy, spaced as one likes: read as it was meant, and of all sets of witnesses just the right ones hold."""
    made = _Made(data)
    space = data.draw(st.sampled_from([" ", "\t", "  ", " \t "]))
    rest = data.draw(st.lists(st.sampled_from(["", " ", "\t", "# why", "  # \u4e2d"]), max_size=3))
    lines = [f"{space}{space.join(line.split(' '))}{space}" for line in made.lines]
    text = "\n".join(data.draw(st.permutations(rest)) + lines) + data.draw(st.sampled_from(["", "\n", "\n\n"]))
    policy = parse_policy(text.encode())
    assert list(policy.witnesses) == list(made.named())
    assert {name: list(group.members) for name, group in policy.groups.items()} == {
        name: members for name, (_, members) in made.groups.items()
    }
    for count in range(7):
        for names in combinations(made.named(), count):
            assert policy.holds(frozenset(names)) is made.holds(made.quorum, set(names)), (text, names)
    names = tuple(data.draw(st.sets(st.sampled_from(list(made.named())))))
    assert _accepts(policy, names) is made.holds(made.quorum, set(names))


def _accepts(policy: Policy, names: tuple[str, ...]) -> bool:
    """Whether a checkpoint cosigned by these is accepted; it can be refused for its quorum alone."""
    note = sign_checkpoint(Checkpoint(_NAME, 9, bytes(32)), _LOG)
    note = add_signatures(note, cosign(note, [_Made.named()[name] for name in names], 1_700_000_000))
    try:
        found = check_policy(policy, note, [_LOG.verifier])
    except TamperError as fault:
        if fault.code != "policy.quorum":
            raise
        return False
    return set(found.witnesses) == set(names)
