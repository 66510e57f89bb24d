"""`tally-verify`: a file, keys, an answer; light, quick, in both languages."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import ledger
from tallystick.ledger import KeyKind, add_signatures, cosign
from tallystick.ledger.verifier import main

_NAME = "bank.example/log"
_SIGNER = ledger.Signer(ledger.generate_key(_NAME)[0])
_WITNESSES = [ledger.Signer(ledger.generate_key(f"w{n}.example", KeyKind.COSIGNATURE)[0]) for n in range(3)]
_POLICY = (
    "".join(f"witness w{n} {signer.verifier.vkey}\n" for n, signer in enumerate(_WITNESSES))
    + "group most 2 w0 w1 w2\nquorum most\n"
)
_SALT = bytes(range(32))
_HEAVY = {"numpy", "polars", "numba", "typer", "rich", "click", "duckdb", "sqlalchemy", "lightgbm"}


def made(folder: Path, witnesses: int = 0, files: dict[str, bytes] | None = None) -> bytes:
    """A proof in a log of 11 entries, cosigned by so many witnesses; written with key and policy to the folder."""
    entry = ledger.leaf("decision", b'{"outcome":"decline"}', _SALT, {"position": "3"})
    with ledger.Log(folder / "log", _NAME, _SIGNER) as log:
        log.append([entry if number == 3 else b"%d" % number for number in range(11)])
        note = log.checkpoint()
        note = add_signatures(note, cosign(note, _WITNESSES[:witnesses], 1_700_000_000))
        bundle = ledger.make_bundle(entry, log.prove(3), note, b'{"outcome":"decline"}', _SALT, files)
    (folder / "proof.json").write_bytes(bundle)
    (folder / "vkey").write_text(_SIGNER.verifier.vkey + "\n", "ascii")
    (folder / "policy").write_text(_POLICY, "utf-8")
    return bundle


def run(folder: Path, *arguments: str) -> tuple[int, set[str], str]:
    """Exit code, the modules that were loaded, and what was printed, of a process of its own."""
    probe = (
        "import json, sys\nfrom tallystick.ledger.verifier import main\ncode = main()\n"
        "print('\\n' + json.dumps([code, sorted(name for name in sys.modules if '.' not in name)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    out, _, last = done.stdout.rstrip().rpartition("\n")
    code, names = json.loads(last)
    return code, set(names), out + done.stderr


def test_file_and_key_are_enough_and_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    made(tmp_path)
    code, names, out = run(tmp_path, "proof.json", "--vkey", "vkey", "--json")
    assert code == 0
    assert not names & _HEAVY
    verdict = json.loads(out)
    assert verdict["checks"] == ["form", "signature", "inclusion", "payload"]
    assert verdict["payload"] == '{"outcome":"decline"}'


def test_the_package_itself_is_light() -> None:
    """`import tallystick` and its ledger bring no data library, no command line and no web."""
    code = "import sys, json, tallystick, tallystick.ledger\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in json.loads(done.stdout)} & _HEAVY


def test_the_command_is_declared() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["scripts"]["tally-verify"] == "tallystick.ledger.verifier:run"


@pytest.mark.parametrize(("language", "words"), [("en", "NOT VERIFIED"), ("zh", "未通过验证")])
def test_a_changed_proof_is_refused_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    bundle = made(tmp_path)
    (tmp_path / "proof.json").write_bytes(bundle.replace(b"position", b"positiom"))
    assert main([str(tmp_path / "proof.json"), "--vkey", str(tmp_path / "vkey"), "--language", language]) == 1
    assert capsys.readouterr().out.startswith(words)


def test_several_keys_and_a_quorum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of three witnesses are a quorum, one is not; a further key that signed nothing does no harm."""
    (tmp_path / "other").write_text(ledger.generate_key("other.example/log")[1] + "\n", "ascii")
    for witnesses, code in ((0, 1), (1, 1), (2, 0), (3, 0)):
        made(tmp_path, witnesses)
        arguments = [str(tmp_path / "proof.json"), "--json"]
        for name in ("other", "vkey"):
            arguments += ["--vkey", str(tmp_path / name)]
        assert main([*arguments, "--policy", str(tmp_path / "policy")]) == code
        verdict = json.loads(capsys.readouterr().out)
        assert verdict["ok"] is (code == 0)
        assert len(verdict["witnesses"]) == (witnesses if code == 0 else 0)
        assert main(arguments) == 0
        capsys.readouterr()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_usage_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    """Exit code 2: no file, no key, a file that is not there, a key that is none, a faulty policy, an unknown flag."""
    made(tmp_path)
    (tmp_path / "nokey").write_text("hello\n", "ascii")
    (tmp_path / "bad").write_text("quorum nobody\n", "ascii")
    proof, vkey = str(tmp_path / "proof.json"), str(tmp_path / "vkey")
    for arguments in (
        [],
        [proof],
        [str(tmp_path / "none"), "--vkey", vkey],
        [proof, "--vkey", str(tmp_path / "none")],
        [proof, "--vkey", str(tmp_path / "nokey")],
        [proof, "--vkey", vkey, "--policy", str(tmp_path / "bad")],
        [proof, "--vkey", vkey, "--rescore"],
        [proof, proof, "--vkey", vkey],
    ):
        assert main([*arguments, "--language", language]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert error.strip()
    assert main([proof, "--vkey", vkey, "--language", "fr"]) == 2
    assert main(["--help", "--language", language]) == 0
    assert "tally-verify FILE" in capsys.readouterr().out


@settings(max_examples=300)
@given(data=st.data())
def test_no_file_crashes_the_verifier(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any bytes, and a good proof with a piece cut out and any bytes put in: a verdict, and never the wrong one."""
    good = made(tmp_path_factory.mktemp("fuzz"), files={"a": b"one", "b": b"two"})
    start = data.draw(st.integers(0, len(good)))
    stop = data.draw(st.integers(start, min(len(good), start + 40)))
    for bundle in (data.draw(st.binary(max_size=200)), good[:start] + data.draw(st.binary(max_size=40)) + good[stop:]):
        verdict = ledger.verify(bundle, [_SIGNER.verifier.vkey])
        assert verdict.ok is (bundle == good)


def test_carried_files_come_back_and_any_changed_byte_fails(tmp_path: Path) -> None:
    files = {"b.bin": bytes(range(256)), "a.txt": b"", "中.dmn": b"<x/>"}
    bundle = made(tmp_path, files=files)
    vkeys = [_SIGNER.verifier.vkey]
    assert dict(ledger.verify(bundle, vkeys).files) == files
    for at in range(len(bundle)):
        verdict = ledger.verify(bundle[:at] + bytes([bundle[at] ^ 0x01]) + bundle[at + 1 :], vkeys)
        assert not verdict.ok
        assert verdict.files == {}
