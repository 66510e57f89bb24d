"""Proof files: one JSON document that a stranger can check offline with nothing but the log's public key."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence

import msgspec

from tallystick.core import InputError, StateError, TallystickError, TamperError, jcs
from tallystick.ledger.checkpoint import open_checkpoint
from tallystick.ledger.encoding import decode_base64
from tallystick.ledger.head import read_size
from tallystick.ledger.keys import Verifier
from tallystick.ledger.leaf import SALT_BYTES, digest
from tallystick.ledger.policy import Policy, check_policy
from tallystick.ledger.profile import HASH_BYTES, INTERNATIONAL, PROFILES, Profile
from tallystick.ledger.tree import InclusionProof, verify_inclusion
from tallystick.ledger.words import WORDS

_FORMAT = "tallystick-proof@1"
_PROOFS = {"international": "c2sp.org/tlog-proof@v1", "domestic": "tallystick/sm3/tlog-proof@v1"}
_HASHES_MAX = 64


class Verdict(msgspec.Struct, frozen=True):
    """What checking a proof file found.

    `checks` names what held, in order: form, signature, witnesses (where a policy was given), inclusion, payload (where
    the file reveals it).
    Where `ok` is false, `fault` says why and nothing else of the file is given out. `payload` is None in a proof that
    does not reveal the record. `files` are those that the proof carries: each is as it was packed, but only a reader
    who knows what the record names can say whether they are the right ones. `witnesses` are those of the policy that
    cosigned, by their names in it.
    """

    ok: bool
    origin: str = ""
    size: int = 0
    index: int = 0
    leaf: str = ""
    payload: bytes | None = None
    checks: tuple[str, ...] = ()
    fault: TallystickError | None = None
    files: Mapping[str, bytes] = {}
    witnesses: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: str
    name: str
    sha256: str | msgspec.UnsetType = msgspec.UNSET
    sm3: str | msgspec.UnsetType = msgspec.UNSET


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    leaf: str
    payload: str | None
    salt: str | None
    tlog_proof: str
    files: list[_File] | msgspec.UnsetType = msgspec.UNSET
    profile: str | msgspec.UnsetType = msgspec.UNSET


def make_bundle(
    leaf: bytes,
    proof: InclusionProof,
    checkpoint: bytes,
    payload: bytes | None = None,
    salt: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
    profile: Profile = INTERNATIONAL,
) -> bytes:
    """Write a proof file.

    Parameters
    ----------
    leaf
        The entry, as it stands in the log.
    proof
        Its inclusion proof, for the checkpoint's size.
    checkpoint
        The signed checkpoint.
    payload, salt
        The record and its salt; both, or neither for a proof that reveals nothing of the record.
    files
        What to carry along, by name; nothing by default.
    profile
        The log's.

    Returns
    -------
    bytes
        RFC 8785 JSON: `format`, `leaf` (text), `payload` (base64 or null), `salt` (hex or null), `tlog_proof`: the
        text of C2SP tlog-proof, which other tools check too; and `files` where there are some, in order of name, each
        with `name`, `data` (base64) and `sha256` (hex, of name ‖ 0x00 ‖ data). A domestic log adds `profile`, has `sm3`
        in the place of `sha256`, and another first line of `tlog_proof`.
    """
    if (payload is None) != (salt is None):
        raise InputError(WORDS("bundle.half"))
    lines = (base64.b64encode(item).decode() for item in proof.hashes)
    text = "\n".join((_PROOFS[profile.name], f"index {proof.index}", *lines, "", checkpoint.decode()))
    document = _Document(
        format=_FORMAT,
        leaf=leaf.decode(),
        payload=None if payload is None else base64.b64encode(payload).decode(),
        salt=None if salt is None else salt.hex(),
        tlog_proof=text,
        files=[_packed(name, files[name], profile) for name in sorted(files)] if files else msgspec.UNSET,
        profile=msgspec.UNSET if profile is INTERNATIONAL else profile.name,
    )
    return jcs(msgspec.to_builtins(document)) + b"\n"


def verify(bundle: bytes, vkeys: Sequence[str], policy: Policy | None = None) -> Verdict:
    """Check a proof file against public keys that the reader trusts.

    Parameters
    ----------
    bundle
        The bytes of the file.
    vkeys
        Public keys; one must bear the log's own name.
    policy
        Whose quorum of witnesses must have cosigned the checkpoint; the logs that it names are trusted too.

    Returns
    -------
    Verdict
        `ok` when form, signature, witnesses (with a policy), inclusion and payload all hold. What may be left out or
        added without the log's key: payload and salt together, carried files, and signature lines of keys that the
        reader does not know; none of that says anything false. With any other byte changed the file is never `ok`.
        The key must be of the file's own profile. Where SM2 keys cannot be read for want of their library, nothing is.

    Raises
    ------
    InputError
        When no key, or a text that is no key, is given.
    """
    if not vkeys and not (policy and policy.logs):
        raise InputError(WORDS("bundle.trust"))
    try:
        verifiers = [Verifier(vkey.strip()) for vkey in vkeys]
    except StateError as fault:
        return Verdict(ok=False, fault=fault)
    checks: list[str] = []
    try:
        document = _read_document(bundle)
        profile = _profile_of(document)
        index, hashes, note = _read_proof(document.tlog_proof, profile)
        payload, salt = _read_payload(document)
        files = _read_files(document, profile)
        checks.append("form")
        witnesses: tuple[str, ...] = ()
        if policy is None:
            head = open_checkpoint(note, verifiers, profile)
            checks.append("signature")
        else:
            witnessed = check_policy(policy, note, verifiers, profile)
            head, witnesses = witnessed.checkpoint, tuple(witnessed.witnesses)
            checks += ["signature", "witnesses"]
        verify_inclusion(profile.leaf_hash(document.leaf.encode()), index, head.size, hashes, head.root, profile)
        checks.append("inclusion")
        if payload is not None and salt is not None:
            if _digest_in(document.leaf) != digest(payload, salt, profile):
                raise TamperError(WORDS("bundle.payload"))
            checks.append("payload")
    except TallystickError as fault:
        return Verdict(ok=False, checks=tuple(checks), fault=fault)
    return Verdict(True, head.origin, head.size, index, document.leaf, payload, tuple(checks), None, files, witnesses)


def _read_document(bundle: bytes) -> _Document:
    try:
        document = msgspec.json.decode(bundle, type=_Document)
        same = jcs(msgspec.to_builtins(document)) + b"\n" == bundle
    except (msgspec.MsgspecError, UnicodeError, InputError):
        raise TamperError(WORDS("bundle.form", part="JSON")) from None
    if not same or document.format != _FORMAT:
        raise TamperError(WORDS("bundle.form", part=f"RFC 8785, {_FORMAT}"))
    return document


def _profile_of(document: _Document) -> Profile:
    if document.profile is msgspec.UNSET:
        return INTERNATIONAL
    profile = PROFILES.get(document.profile, INTERNATIONAL)
    if profile is INTERNATIONAL:
        raise TamperError(WORDS("bundle.form", part="profile"))
    return profile


def _read_proof(text: str, profile: Profile) -> tuple[int, list[bytes], bytes]:
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n", 2 + _HASHES_MAX)
    index = read_size(lines[1].removeprefix("index ")) if len(lines) > 1 and lines[1].startswith("index ") else None
    if not blank or lines[0] != _PROOFS[profile.name] or index is None or len(lines) > 2 + _HASHES_MAX:
        raise TamperError(WORDS("bundle.form", part="tlog_proof"))
    hashes = [decode_base64(line) for line in lines[2:]]
    whole = [item for item in hashes if item is not None and len(item) == HASH_BYTES]
    if len(whole) < len(hashes):
        raise TamperError(WORDS("bundle.form", part="tlog_proof"))
    return index, whole, note.encode()


def _read_payload(document: _Document) -> tuple[bytes | None, bytes | None]:
    if document.payload is None and document.salt is None:
        return None, None
    payload = decode_base64(document.payload or "")
    salt = document.salt or ""
    if payload is None or document.payload is None or re.fullmatch(rf"[0-9a-f]{{{2 * SALT_BYTES}}}", salt) is None:
        raise TamperError(WORDS("bundle.form", part="payload, salt"))
    return payload, bytes.fromhex(salt)


def _packed(name: str, data: bytes, profile: Profile) -> _File:
    digest = profile.digest(name.encode() + b"\0" + data).hex()
    return _File(base64.b64encode(data).decode(), name, **{profile.digest_name: digest})


def _read_files(document: _Document, profile: Profile) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    if document.files is msgspec.UNSET:
        return found
    for file in document.files:
        data = decode_base64(file.data)
        if data is None or file != _packed(file.name, data, profile):
            raise TamperError(WORDS("bundle.form", part=f"files, {file.name!r}"))
        found[file.name] = data
    if not found or [file.name for file in document.files] != sorted(found):
        raise TamperError(WORDS("bundle.form", part="files"))
    return found


def _digest_in(leaf: str) -> str:
    """The digest that a leaf names; the leaf's own bytes were already found in the tree."""
    try:
        document = json.loads(leaf)
    except (ValueError, RecursionError):
        document = None
    found = document.get("digest") if isinstance(document, dict) else None
    if not isinstance(found, str):
        raise TamperError(WORDS("leaf.form"))
    return found
