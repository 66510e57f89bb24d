"""The domestic profile: SM3 trees and SM2 signatures, beside the international one and never in its place."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError, StateError, TamperError, jcs
from tallystick.ledger import (
    DOMESTIC,
    INTERNATIONAL,
    PROFILES,
    Checkpoint,
    KeyKind,
    Log,
    Profile,
    Signer,
    Verifier,
    add_signatures,
    check_equivocation,
    check_policy,
    copy_log,
    cosign,
    generate_key,
    leaf,
    make_bundle,
    make_equivocation,
    open_checkpoint,
    open_note,
    parse_policy,
    profile_of,
    root_of,
    sign_checkpoint,
    sign_note,
    sm2,
    verifier,
    verify,
)
from tallystick.ledger import profile as profile_module
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.note import read_note

_NAME = "bank.example/domestic"
_SIGNER = Signer(generate_key(_NAME, KeyKind.SM2)[0])
_ABROAD = Signer(generate_key(_NAME)[0])
_PAYLOAD, _SALT = b'{"outcome":"decline"}', bytes(range(32))
_LEAF = leaf("decision", _PAYLOAD, _SALT, {"position": "3"}, DOMESTIC)
_SECRET = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
_POINT = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
_SIGNED = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
"""The example of GB/T 32918.5-2017, appendix A: the text "message digest", the standard's own identity and curve."""


def _holds(key: sm2.PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _log(folder: Path, entries: list[bytes]) -> Log:
    log = Log(folder, _NAME, _SIGNER, profile=DOMESTIC)
    log.append(entries)
    log.checkpoint()
    return log


def _bundle(folder: Path, files: dict[str, bytes] | None = None) -> bytes:
    with _log(folder, [b"%d" % number if number != 3 else _LEAF for number in range(11)]) as log:
        return make_bundle(_LEAF, log.prove(3), log.checkpoint(), _PAYLOAD, _SALT, files, DOMESTIC)


def _changed(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ (1 << bit % 8)]) + data[bit // 8 + 1 :]


def test_the_standard_s_own_signature() -> None:
    """The published signature holds for the published key and text; the secret number gives the published point."""
    key = sm2.PublicKey(_POINT)
    key.verify(_SIGNED, b"message digest")
    assert sm2.PrivateKey(_SECRET).public_key().public_bytes_raw() == _POINT
    assert not _holds(key, _SIGNED, b"message digest.")


def test_the_standard_s_own_hashes() -> None:
    """GB/T 32905-2016, appendix A: the hashes of "abc" and of "abcd" sixteen times."""
    assert DOMESTIC.digest_text(b"abc") == "sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert DOMESTIC.digest(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


@given(data=st.binary(max_size=300))
def test_both_sources_of_sm3_agree(data: bytes) -> None:
    """Where Python's OpenSSL lacks SM3, the other source gives the same."""
    assert profile_module._openssl_sm3()(data).digest() == profile_module._Sm3(data).digest()


@settings(max_examples=12, deadline=None)
@given(data=st.binary(max_size=200), bit=st.integers(0, 511))
def test_signatures_hold_and_fail_on_any_changed_bit(data: bytes, bit: int) -> None:
    key = sm2.PrivateKey(sm2.new_secret())
    signature = key.sign(data)
    assert len(signature) == 64
    key.public_key().verify(signature, data)
    assert not _holds(key.public_key(), _changed(signature, bit), data)
    assert not _holds(key.public_key(), signature, data + b"\0")


def test_a_nonce_is_never_used_twice() -> None:
    """With one nonce for two texts the secret number could be computed: the same text is signed otherwise each time."""
    key = sm2.PrivateKey(_SECRET)
    assert len({key.sign(b"text")[:32] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "signature",
    [b"", _SIGNED[:63], _SIGNED + b"\0", bytes(64), b"\xff" * 64, bytes(32) + _SIGNED[32:], _SIGNED[:32] + bytes(32)],
)
def test_signatures_outside_their_range_fail(signature: bytes) -> None:
    assert not _holds(sm2.PublicKey(_POINT), signature, b"message digest")


@pytest.mark.parametrize(
    "raw",
    [b"", _POINT[1:], b"\2" + _POINT[1:33], bytes(65), _POINT[:64] + b"\0", b"\4" + b"\xff" * 64, b"\6" + _POINT[1:]],
)
def test_points_beside_the_curve_are_no_keys(raw: bytes) -> None:
    with pytest.raises(ValueError, match="curve"):
        sm2.PublicKey(raw)


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32])
def test_numbers_outside_the_curve_are_no_secrets(raw: bytes) -> None:
    with pytest.raises(ValueError, match="curve"):
        sm2.PrivateKey(raw)


def test_the_bytes_of_a_key() -> None:
    """Name, id, and in base64: 0xff, the private type's name, the point; the id by SHA-256 as for every kind."""
    name, number, encoded = _SIGNER.verifier.vkey.split("+", 2)
    raw = decode_base64(encoded) or b""
    assert name == _NAME
    assert raw.startswith(b"\xfftallystick/sm2-sm3/v1\4")
    assert len(raw) == 1 + 21 + 65
    assert number == hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    assert profile_of(_SIGNER.kind) is DOMESTIC


@pytest.mark.parametrize("point", [_POINT[:-1] + b"\0", bytes(65), _POINT + b"\0", _POINT[1:]])
def test_key_texts_of_other_points_are_refused(point: bytes) -> None:
    """Also with the id that belongs to them; a secret number outside its range likewise."""
    raw = b"\xfftallystick/sm2-sm3/v1" + point
    number = hashlib.sha256(b"name\n" + raw).hexdigest()[:8]
    with pytest.raises(InputError) as caught:
        Verifier(f"name+{number}+{encode_base64(raw)}")
    assert caught.value.code == "key.public"
    with pytest.raises(InputError) as caught:
        Signer(f"PRIVATE+KEY+name+{number}+{encode_base64(raw[:22] + bytes(32))}")
    assert caught.value.code == "key.secret"


def test_the_bytes_of_a_signature() -> None:
    """In the note: id, 8 bytes of time, r, s; signed is the type's name, the time and the text."""
    note = read_note(sign_note("text\n", [_SIGNER], 1_700_000_000))
    (found,) = note.signatures
    assert found.id == _SIGNER.id
    assert found.signature[:8] == (1_700_000_000).to_bytes(8)
    message = b"tallystick/sm2-sm3/v1\ntime 1700000000\ntext\n"
    sm2.PublicKey(_SIGNER.verifier.public).verify(found.signature[8:], message)
    assert open_note(note.encode(), [_SIGNER.verifier]) == ("text\n", (_NAME,))


def test_every_changed_bit_of_a_checkpoint_s_signature_is_refused() -> None:
    """Also of the time; those of the text are in the properties of notes."""
    head = Checkpoint(_NAME, 7, bytes(32))
    note = read_note(sign_checkpoint(head, _SIGNER))
    (found,) = note.signatures
    for bit in range(0, 8 * len(found.signature), 29):
        line = type(found)(found.name, found.id, _changed(found.signature, bit))
        with pytest.raises(TamperError):
            open_checkpoint(type(note)(note.text, (line,)).encode(), [_SIGNER.verifier])


def test_a_domestic_log_is_a_log_over_sm3(tmp_path: Path) -> None:
    entries = [b"entry %d" % number for number in range(700)]
    with _log(tmp_path / "log", entries) as log:
        assert log.profile is DOMESTIC
        head = open_checkpoint(log.checkpoint(), [_SIGNER.verifier], DOMESTIC)
        assert head == Checkpoint(_NAME, 700, root_of(entries, DOMESTIC))
        assert head.root != root_of(entries)
        assert log.check() == 700
        assert (tmp_path / "log/tile/0/000").read_bytes()[:32] == hashlib.new("sm3", b"\0" + entries[0]).digest()
    assert copy_log(tmp_path / "log", tmp_path / "copy", _SIGNER.verifier) == head
    with Log(tmp_path / "copy", _NAME, _SIGNER, profile=DOMESTIC, write=False) as again:
        assert again.check() == 700


def test_a_log_has_one_profile(tmp_path: Path) -> None:
    """A key of the other profile is refused before anything is read or written, and so is a witness's key."""
    for profile, key in ((INTERNATIONAL, _SIGNER), (DOMESTIC, _ABROAD)):
        with pytest.raises(InputError) as caught:
            Log(tmp_path / "log", _NAME, key, profile=profile)
        assert caught.value.code == "key.profile"
    with pytest.raises(InputError):
        Log(tmp_path / "log", "w", Signer(generate_key("w", KeyKind.COSIGNATURE)[0]))
    with Log(tmp_path / "other", "m", Signer(generate_key("m", KeyKind.ML_DSA_44)[0])) as log:
        assert log.profile is INTERNATIONAL
    assert not (tmp_path / "log").exists()
    assert {profile_of(profile.key) for profile in PROFILES.values()} == set(PROFILES.values())


def test_a_domestic_proof_says_what_it_proves(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, {"model.tally": b"model", "a.csv": b""})
    verdict = verify(bundle, [_SIGNER.verifier.vkey])
    assert verdict.ok
    assert verdict.checks == ("form", "signature", "inclusion", "payload")
    assert (verdict.payload, verdict.files) == (_PAYLOAD, {"a.csv": b"", "model.tally": b"model"})
    assert json.loads(verdict.leaf)["digest"] == "sm3:" + hashlib.new("sm3", _SALT + _PAYLOAD).hexdigest()
    document = json.loads(bundle)
    assert document["profile"] == "domestic"
    assert document["files"][1]["sm3"] == hashlib.new("sm3", b"model.tally\0model").hexdigest()
    assert document["tlog_proof"].startswith("tallystick/sm3/tlog-proof@v1\n")


def test_every_changed_byte_of_a_domestic_proof_fails(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path)
    for at in range(0, len(bundle), 31):
        for changed in (bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :], bundle[:at] + bundle[at + 1 :]):
            assert not verify(changed, [_SIGNER.verifier.vkey]).ok


def test_no_profile_is_taken_for_the_other(tmp_path: Path) -> None:
    """A key of the other profile, the profile left out or another one named: nothing holds, nothing is given out."""
    bundle = _bundle(tmp_path / "domestic")
    document = json.loads(bundle)
    with Log(tmp_path / "abroad", _NAME, _ABROAD) as log:
        log.append([b"%d" % number if number != 3 else _LEAF for number in range(11)])
        abroad = make_bundle(_LEAF, log.prove(3), log.checkpoint())
    keys = [_ABROAD.verifier.vkey, _SIGNER.verifier.vkey]
    assert verify(bundle, keys).ok
    assert verify(abroad, keys).ok
    assert not verify(bundle, keys[:1]).ok
    assert not verify(abroad, keys[1:]).ok
    plain = {name: value for name, value in document.items() if name != "profile"}
    claims: list[dict[str, Any]] = [plain, *({**document, "profile": name} for name in ("international", "sm3", ""))]
    claims.append({**json.loads(abroad), "profile": "domestic"})
    text = document["tlog_proof"].replace("tallystick/sm3/tlog-proof@v1", "c2sp.org/tlog-proof@v1")
    claims += [{**document, "tlog_proof": text}, {**plain, "tlog_proof": text}]
    for claim in claims:
        verdict = verify(jcs(claim) + b"\n", keys)
        assert not verdict.ok
        assert (verdict.payload, verdict.leaf) == (None, "")


def test_one_log_s_name_in_both_profiles_vouches_for_each_apart(tmp_path: Path) -> None:
    """An SM2 signature under a checkpoint says nothing about a tree over SHA-256, whoever else signed it."""
    entries = [b"one", b"two"]
    note = sign_checkpoint(Checkpoint(_NAME, 2, root_of(entries)), _SIGNER)
    for profile, ours in ((None, True), (DOMESTIC, True), (INTERNATIONAL, False)):
        try:
            open_checkpoint(note, [_SIGNER.verifier, _ABROAD.verifier], profile)
        except TamperError:
            assert not ours
        else:
            assert ours


def test_sm2_witnesses_of_a_policy(tmp_path: Path) -> None:
    """A policy of SM2 keys alone: the log's and the witness's, with the witness's time."""
    witness = Signer(generate_key("witness.example", KeyKind.SM2)[0])
    text = f"log {_SIGNER.verifier.vkey}\nwitness w {witness.verifier.vkey}\nquorum w\n"
    policy = parse_policy(text.encode())
    note = sign_checkpoint(Checkpoint(_NAME, 7, bytes(32)), _SIGNER)
    with pytest.raises(TamperError):
        check_policy(policy, note)
    cosigned = add_signatures(note, cosign(note, [witness], 1_700_000_000))
    assert check_policy(policy, cosigned, (), DOMESTIC).witnesses == {"w": 1_700_000_000}
    with pytest.raises(TamperError):
        check_policy(policy, cosigned, (), INTERNATIONAL)


def test_a_domestic_fork_is_proven(tmp_path: Path) -> None:
    """Two sizes of two pasts: what leads from the later root to another earlier root is over SM3."""
    kept, other = ([b"%d" % number for number in range(7)], [b"x", *(b"%d" % number for number in range(1, 9))])
    first = sign_checkpoint(Checkpoint(_NAME, 7, root_of(kept, DOMESTIC)), _SIGNER)
    with _log(tmp_path, other) as log:
        second, path = log.checkpoint(), log.consistency(7).hashes
    proof = make_equivocation(first, second, path)
    assert check_equivocation(proof, [_SIGNER.verifier]).second.size == 9
    honest = sign_checkpoint(Checkpoint(_NAME, 7, root_of(other[:7], DOMESTIC)), _SIGNER)
    with pytest.raises(TamperError):
        check_equivocation(make_equivocation(honest, second, path), [_SIGNER.verifier])


def test_without_its_library_nothing_domestic_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install; a proof is not taken, an international one beside it is."""
    bundle, vkey = _bundle(tmp_path / "log"), _SIGNER.verifier.vkey
    monkeypatch.setitem(sys.modules, "gmalg", None)
    verdict = verify(bundle, [vkey])
    assert not verdict.ok
    assert verdict.fault is not None
    assert verdict.fault.code == "key.extra"
    assert "tallystick[domestic]" in verdict.fault.text("zh")
    assert not verify(bundle, [_ABROAD.verifier.vkey]).ok
    for ask in (lambda: Verifier(vkey), lambda: generate_key(_NAME, KeyKind.SM2)):
        with pytest.raises(StateError) as caught:
            ask()
        assert caught.value.code == "key.extra"
    assert Verifier(_ABROAD.verifier.vkey).name == _NAME


def test_tally_verify_takes_a_domestic_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "proof.json").write_bytes(_bundle(tmp_path / "log"))
    (tmp_path / "vkey").write_text(_SIGNER.verifier.vkey + "\n", "ascii")
    assert verifier.main([str(tmp_path / "proof.json"), "--vkey", str(tmp_path / "vkey")]) == 0
    assert _NAME in capsys.readouterr().out


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@given(entries=st.lists(st.binary(max_size=40), max_size=8))
def test_hashes_one_by_one_and_together(profile: Profile, entries: list[bytes]) -> None:
    hashes = profile.leaf_hashes(entries)
    assert hashes == [profile.leaf_hash(entry) for entry in entries]
    pairs = hashes[: len(hashes) & ~1]
    assert profile.above(pairs) == [profile.node_hash(*pairs[at : at + 2]) for at in range(0, len(pairs), 2)]
