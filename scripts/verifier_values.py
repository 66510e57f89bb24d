"""Writes docs/verifier-values.json: what a verifier in any language is tried on, made of fixed keys and entries.

`python scripts/verifier_values.py` writes the file; `--check` exits 1 when it is not what would be written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tallystick import ledger
from tallystick.core import jcs

VALUES = Path(__file__).resolve().parents[1] / "docs" / "verifier-values.json"

_NAME, _SIZE, _INDEX = "bank.example/decisions", 11, 3
_RECORD = {"outcome": "decline", "pd": 0.04, "points": "512", "reason": "é"}
_SALT = bytes(range(32))
_TIME_S = 1_700_000_000


def values() -> dict[str, Any]:
    """Every value of the file: keys, the steps from a record to a root, proofs that hold and proofs that do not."""
    log = _signer(_NAME, 1)
    witnesses = [_signer(f"witness-{n}.example", 10 + n, ledger.KeyKind.COSIGNATURE) for n in range(3)]
    payload = jcs(_RECORD)
    leaf = ledger.leaf("decision", payload, _SALT, {"position": "7"})
    entries = [leaf if at == _INDEX else f"entry {at}".encode() for at in range(_SIZE)]
    with tempfile.TemporaryDirectory() as folder, ledger.Log(folder, _NAME, log) as tree:
        tree.append(entries)
        note, proof = tree.checkpoint(), tree.prove(_INDEX)
    cosigned = ledger.add_signatures(note, ledger.cosign(note, witnesses[:2], _TIME_S))
    plain = ledger.make_bundle(leaf, proof, note, payload, _SALT).decode()
    proofs = {
        "plain": plain,
        "hidden": ledger.make_bundle(leaf, proof, note).decode(),
        "cosigned": ledger.make_bundle(leaf, proof, cosigned, payload, _SALT).decode(),
        "carrying": ledger.make_bundle(leaf, proof, note, payload, _SALT, {"a.txt": b"one", "b.txt": b""}).decode(),
    }
    return {
        "vkey": log.verifier.vkey,
        "witness_vkeys": [signer.verifier.vkey for signer in witnesses],
        "policy": _policy(witnesses),
        "payload": payload.decode(),
        "salt": _SALT.hex(),
        "digest": json.loads(leaf)["digest"],
        "leaf": leaf.decode(),
        "leaf_hash": ledger.leaf_hash(leaf).hex(),
        "index": _INDEX,
        "size": _SIZE,
        "entries": [entry.decode() for entry in entries],
        "roots": [ledger.root_of(entries[:size]).hex() for size in range(_SIZE + 1)],
        "path": [item.hex() for item in proof.hashes],
        "checkpoint": note.decode(),
        "checkpoint_cosigned": cosigned.decode(),
        "holds": proofs,
        "fails": _failing(plain, log, entries),
    }


def _policy(witnesses: list[ledger.Signer]) -> str:
    lines = [f"witness w{n} {signer.verifier.vkey}" for n, signer in enumerate(witnesses)]
    return "\n".join((*lines, "group two-of-three 2 w0 w1 w2", "quorum two-of-three", ""))


def _failing(plain: str, log: ledger.Signer, entries: list[bytes]) -> dict[str, str]:
    """Proofs that a verifier must refuse, by what is wrong with them."""
    document = json.loads(plain)

    def other(**changes: Any) -> str:
        return (jcs({**document, **changes}) + b"\n").decode()

    head, _, note = document["tlog_proof"].partition("\n\n")
    lines = head.split("\n")
    stranger = _signer(_NAME, 2)
    text = note.partition("\n\n")[0] + "\n"
    longer = base64.b64encode(bytes(32)).decode()
    return {
        "a space that means nothing": plain.replace('","', '", "', 1),
        "no newline at the end": plain.rstrip("\n"),
        "another field": other(more="1"),
        "another format": other(format="tallystick-proof@2"),
        "another record": other(payload=base64.b64encode(jcs({**_RECORD, "outcome": "approve"})).decode()),
        "another salt": other(salt=bytes(32).hex()),
        "a salt in capitals": other(salt=_SALT[::-1].hex().upper()),
        "a record without its salt": other(salt=None),
        "another leaf": other(leaf=entries[0].decode()),
        "another index": other(tlog_proof=document["tlog_proof"].replace("index 3", "index 4", 1)),
        "an index with a zero before it": other(tlog_proof=document["tlog_proof"].replace("index 3", "index 03", 1)),
        "a hash too few": other(tlog_proof="\n".join(lines[:-1]) + "\n\n" + note),
        "a hash too many": other(tlog_proof="\n".join([*lines, longer]) + "\n\n" + note),
        "the hashes in another order": other(
            tlog_proof="\n".join([*lines[:2], lines[3], lines[2], *lines[4:]]) + "\n\n" + note
        ),
        "base64 with other spare bits": other(payload=_spare(document["payload"])),
        "another size": other(
            tlog_proof=f"{head}\n\n{note.replace(chr(10) + '11' + chr(10), chr(10) + '12' + chr(10))}"
        ),
        "signed by another key of the same name": other(
            tlog_proof=f"{head}\n\n{ledger.sign_note(text, [stranger]).decode()}"
        ),
        "signed by a trusted key, but as another log": other(
            tlog_proof=f"{head}\n\n{ledger.sign_note(text.replace(_NAME, 'else.example/log', 1), [log]).decode()}"
        ),
        "no signature": other(tlog_proof=f"{head}\n\n{text}\n"),
    }


def _spare(text: str) -> str:
    """The same bytes in base64 whose last letter has bits that no byte needs."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = len(text.rstrip("=")) - 1
    return text[:at] + letters[letters.index(text[at]) + 1] + text[at + 1 :]


def _signer(name: str, seed: int, kind: ledger.KeyKind = ledger.KeyKind.ED25519) -> ledger.Signer:
    """A key whose 32 secret bytes are all `seed`: for these values only."""
    secret = bytes([seed]) * 32
    public = bytes([kind]) + Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    number = hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8]
    key = base64.b64encode(bytes([kind]) + secret).decode()
    return ledger.Signer(f"PRIVATE+KEY+{name}+{number}+{key}")


def page() -> str:
    """The text of the file."""
    return json.dumps(values(), ensure_ascii=False, indent=2) + "\n"


def main() -> int:
    """Write or check the file."""
    if "--check" in sys.argv[1:]:
        return int(VALUES.read_text("utf-8") != page())
    VALUES.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
