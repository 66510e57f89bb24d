"""A second reader, written from the pages alone (tests/ledger/stranger.py), and the ledger: one answer.

The page's own program checks a proof file (tests/docs); this one reads what the pages say of witnesses, policies, logs
as static files and domestic logs, and is compared with the ledger on good and on spoiled ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.mutation import spoil
from tests.ledger.stranger import Refused, accepts, decoded, domestic_proof, root, sha256, signed_by, whole_log

from tallystick.core import TallystickError
from tallystick.ledger import (
    DOMESTIC,
    KeyKind,
    Log,
    Signer,
    add_signatures,
    check_policy,
    copy_log,
    cosign,
    generate_key,
    leaf,
    make_bundle,
    parse_policy,
    verify,
)

_VALUES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/verifier-values.json").read_text("utf-8"))


def agrees(read: Callable[..., object], *arguments: object) -> bool:
    """Whether a reader accepts; it may refuse in its own way only."""
    try:
        read(*arguments)
    except (Refused, FileNotFoundError, ValueError, KeyError, TallystickError):
        return False
    return True


_LOG = Signer(generate_key("bank.example/log")[0])
_KINDS = (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44, KeyKind.COSIGNATURE)
_WITNESSES = {f"w{at}": Signer(generate_key(f"w{at}.example", kind)[0]) for at, kind in enumerate(_KINDS)}
_POLICY = (
    "".join(f"witness {name} {signer.verifier.vkey}\n" for name, signer in _WITNESSES.items())
    + "# One of the two, and the third.\n\tgroup  pair any w0 w1\ngroup both all pair w2\nquorum both\n"
)


def test_the_page_s_own_values() -> None:
    """Its policy holds for the cosigned checkpoint, and for the plain one it does not."""
    cosigned, plain = _VALUES["checkpoint_cosigned"].encode(), _VALUES["checkpoint"].encode()
    assert accepts(_VALUES["policy"], cosigned, _VALUES["vkey"]) == {"w0", "w1"}
    assert not agrees(accepts, _VALUES["policy"], plain, _VALUES["vkey"])
    lines, _ = signed_by(plain, [_VALUES["vkey"]])
    leaves = [sha256(b"\0" + entry.encode()) for entry in _VALUES["entries"]]
    assert decoded(lines[2]) == root(leaves)
    assert [root(leaves[:size]).hex() for size in range(len(leaves) + 1)] == _VALUES["roots"]


def _published(folder: Path, size: int) -> bytes:
    with Log(folder / "log", _LOG.name, _LOG) as log:
        log.append([b"entry %d" % at * (at % 3) for at in range(size)])
        note = log.checkpoint()
    copy_log(folder / "log", folder / "public", _LOG.verifier)
    return note


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700, 66_000])
def test_a_whole_log(tmp_path: Path, size: int) -> None:
    """What is exported is what the page says, file by file; a changed, cut or missing one is seen by both."""
    _published(tmp_path, size)
    folder, chance = tmp_path / "public", random.Random(size)
    assert whole_log(folder, _LOG.verifier.vkey) == size
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in chance.sample(files, min(len(files), 5) if size < 1000 else 1):
        good = path.read_bytes()
        at = chance.randrange(len(good))
        bits = good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1 :]
        for bad in (bits, good[:-1], b"") if size < 1000 else (bits,):
            path.write_bytes(bad)
            assert not agrees(whole_log, folder, _LOG.verifier.vkey), path
            assert not agrees(_checked, folder), path
        path.unlink()
        assert not agrees(whole_log, folder, _LOG.verifier.vkey), path
        assert not agrees(_checked, folder) or path.name == "checkpoint"
        path.write_bytes(good)
    assert whole_log(folder, _LOG.verifier.vkey) == size == _checked(folder)


def _checked(folder: Path) -> int:
    with Log(folder, _LOG.name, _LOG, write=False) as log:
        return log.check()


def test_both_judge_cosigned_checkpoints_alike(tmp_path: Path) -> None:
    """Every set of witnesses, and 2,000 spoiled notes: two readers of one policy, one answer, the same witnesses."""
    note, policy = _published(tmp_path, 7), parse_policy(_POLICY.encode())
    sets = [names for count in range(4) for names in combinations(_WITNESSES, count)]
    notes = {
        names: add_signatures(note, cosign(note, [_WITNESSES[name] for name in names], 1_700_000_000)) for names in sets
    }
    for names, cosigned in notes.items():
        right = "w2" in names and len(names) > 1
        assert agrees(accepts, _POLICY, cosigned, _LOG.verifier.vkey) is right
        assert agrees(check_policy, policy, cosigned, [_LOG.verifier]) is right
    chance, good, held = random.Random(9), list(notes.values()), 0
    for _ in range(2000):
        spoiled = spoil(chance, chance.choice(good), chance.choice(good))
        ours = agrees(check_policy, policy, spoiled, [_LOG.verifier])
        assert agrees(accepts, _POLICY, spoiled, _LOG.verifier.vkey) is ours, spoiled
        if ours:
            held += 1
            found = check_policy(policy, spoiled, [_LOG.verifier])
            assert set(found.witnesses) == accepts(_POLICY, spoiled, _LOG.verifier.vkey)
    assert held > 50


def test_a_domestic_log(tmp_path: Path) -> None:
    """Its files over SM3, its checkpoint by SM2, a proof of it with its record and files; a changed byte is seen."""
    signer, salt = Signer(generate_key("bank.example/sm", DOMESTIC.key)[0]), bytes(range(32))
    vkey, payload, folder = signer.verifier.vkey, b'{"outcome":"decline"}', tmp_path / "public"
    entry = leaf("decision", payload, salt, {"position": "7"}, profile=DOMESTIC)
    with Log(tmp_path / "log", signer.name, signer, profile=DOMESTIC) as log:
        log.append([entry if at == 259 else b"%d" % at for at in range(300)])
        note = log.checkpoint()
        bundle = make_bundle(entry, log.prove(259), note, payload, salt, {"a.txt": b"one"}, profile=DOMESTIC)
    copy_log(tmp_path / "log", folder, signer.verifier)
    assert whole_log(folder, vkey) == 300
    assert domestic_proof(bundle, vkey) == (259, 300)
    assert verify(bundle, [vkey]).ok
    for name in ("checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"):
        good = (folder / name).read_bytes()
        for at in (len(good) // 3, len(good) - 3):
            (folder / name).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            assert not agrees(whole_log, folder, vkey), name
        (folder / name).write_bytes(good)
    chance = random.Random(10)
    for _ in range(40):
        at = chance.randrange(len(bundle))
        spoiled = bundle[:at] + bytes([bundle[at] ^ 1 << chance.randrange(7)]) + bundle[at + 1 :]
        assert not verify(spoiled, [vkey]).ok
        assert not agrees(domestic_proof, spoiled, vkey)
