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
from tallystick.core import InputError, Place, jcs
from tallystick.ledger import KeyKind, add_signatures, cosign
from tallystick.ledger.verifier import main, read_keys

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
    code, names, _ = run(tmp_path, "proof.json", "--vkey", "vkey", "--json", "verdict.json")
    assert code == 0
    assert not names & _HEAVY
    verdict = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
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


def test_several_keys_and_a_quorum(tmp_path: Path) -> None:
    """Two of three witnesses are a quorum, one is not; a further key that signed nothing does no harm."""
    (tmp_path / "other").write_text(ledger.generate_key("other.example/log")[1] + "\n", "ascii")
    for witnesses, code in ((0, 1), (1, 1), (2, 0), (3, 0)):
        made(tmp_path, witnesses)
        arguments = [str(tmp_path / "proof.json"), "--json", str(tmp_path / "verdict.json")]
        for name in ("other", "vkey"):
            arguments += ["--vkey", str(tmp_path / name)]
        assert main([*arguments, "--policy", str(tmp_path / "policy")]) == code
        verdict = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
        assert verdict["ok"] is (code == 0)
        assert len(verdict["witnesses"]) == (witnesses if code == 0 else 0)
        assert main(arguments) == 0


def test_a_policy_with_a_log_line_needs_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, 2)
    policy, proof = tmp_path / "policy", str(tmp_path / "proof.json")
    assert main([proof, "--policy", str(policy)]) == 2
    assert "log line" in capsys.readouterr().err
    policy.write_text(f"log {_SIGNER.verifier.vkey}\n{_POLICY}", "utf-8")
    assert main([proof, "--policy", str(policy)]) == 0
    assert "Cosigned by: w0, w1" in capsys.readouterr().out


def test_names_in_a_policy_may_be_any_bytes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, 2)
    policy = _POLICY.encode().replace(b" w0 ", b" \xff0 ")
    (tmp_path / "policy").write_bytes(policy)
    arguments = [str(tmp_path / name) for name in ("proof.json", "vkey", "policy", "verdict.json")]
    assert main([arguments[0], "--vkey", arguments[1], "--policy", arguments[2], "--json", arguments[3]]) == 0
    assert "\\udcff0, w1" in capfd.readouterr().out
    verdict = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    assert verdict["witnesses"] == ["\udcff0", "w1"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_another_key_of_the_same_name_is_told_by_its_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    """Both ids are named: that of the key that signed, and that of the key that was given."""
    made(tmp_path)
    other = ledger.Verifier(ledger.generate_key(_NAME)[1])
    (tmp_path / "vkey").write_text(other.vkey, "ascii")
    assert main([str(tmp_path / "proof.json"), "--vkey", str(tmp_path / "vkey"), "--language", language]) == 1
    out = capsys.readouterr().out
    assert out.index(_SIGNER.id.hex()) < out.index(other.id.hex())
    verdict = ledger.verify((tmp_path / "proof.json").read_bytes(), [other.vkey])
    assert verdict.fault is not None
    assert verdict.fault.code == "note.other"


def test_a_key_of_another_name_is_told_by_name_and_id(tmp_path: Path) -> None:
    other = ledger.Verifier(ledger.generate_key("other.example/log")[1])
    fault = ledger.verify(made(tmp_path), [other.vkey]).fault
    assert fault is not None
    assert fault.code == "note.unsigned"
    for key in (_SIGNER.verifier, other):
        assert f"{key.name!r} ({key.id.hex()})" in fault.text()


@pytest.mark.parametrize(("language", "words"), [("en", "WITHOUT RECORD"), ("zh", "无记录")])
def test_a_proof_without_its_record_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    """An erased decision verifies; nobody must think that its record was shown and held."""
    bundle = json.loads(made(tmp_path))
    erased = jcs({**bundle, "payload": None, "salt": None}) + b"\n"
    for data, said in ((erased, True), (jcs(bundle) + b"\n", False)):
        (tmp_path / "proof.json").write_bytes(data)
        assert main([str(tmp_path / "proof.json"), "--vkey", str(tmp_path / "vkey"), "--language", language]) == 0
        assert (words in capsys.readouterr().out) is said


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("index 3 (counted from 0) of 11", "form, signature, inclusion, payload")),
        ("zh", ("索引为 3 的叶（从 0 起计，共 11 个）", "格式, 签名, 包含, 载荷")),
    ],
)
def test_a_verdict_is_whole_in_one_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, words: tuple[str, str]
) -> None:
    """Nobody has to guess whether leaf 3 is the third or the fourth, or to read English in Chinese."""
    made(tmp_path)
    assert main([str(tmp_path / "proof.json"), "--vkey", str(tmp_path / "vkey"), "--language", language]) == 0
    out = capsys.readouterr().out
    assert all(part in out for part in words)


_VKEY = _SIGNER.verifier.vkey
_SECRET = ledger.generate_key(_NAME)[0]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "keys.none", 0),
        (b"\n# nothing yet\n", "keys.none", 0),
        (bytes(range(128, 256)), "keys.text", 0),
        (f"{_VKEY} {_VKEY}\n".encode(), "keys.line", 1),
        (f"# ours\n{_VKEY}\nhello\n".encode(), "key.public", 3),
        (_VKEY[:-8].encode(), "key.public", 1),
        ((_NAME + "+00000000+" + _VKEY.split("+", 2)[2]).encode(), "key.id", 1),
        (f"{_SECRET}\n".encode(), "key.private", 1),
        (f"{_VKEY}\n {_SECRET}\n".encode(), "key.private", 2),
    ],
    ids=["empty", "comment", "binary", "two a line", "a word", "cut", "other id", "secret", "secret second"],
)
def test_a_file_that_holds_no_good_key_is_named(tmp_path: Path, data: bytes, code: str, line: int) -> None:
    """File, line and what was expected; a secret key is called by its name and never shown."""
    path = tmp_path / "keys"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_keys([path])
    assert caught.value.code == code
    assert caught.value.place == Place(str(path), line=line or None)
    for language in ("en", "zh"):
        assert "base64" in caught.value.text(language) or code == "key.id"


def test_keys_are_read_beside_comments_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xef\xbb\xbf# ours\r\n\r\n" + f"  {_VKEY} \r\n".encode() + _VKEY.encode())
    assert read_keys([tmp_path / "keys"]) == [_VKEY, _VKEY]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_secret_key_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    """Given as the key, as a file's name, as one word too many, in a policy: its bytes are in no message."""
    made(tmp_path)
    proof, vkey = str(tmp_path / "proof.json"), str(tmp_path / "vkey")
    (tmp_path / "skey").write_text(_SECRET, "ascii")
    for number, line in enumerate((f"log {_SECRET}", f"log {_SECRET} a b", f"group {_SECRET} all w0", _SECRET)):
        (tmp_path / f"policy{number}").write_text(f"{line}\n{_POLICY}", "utf-8")
    for arguments in (
        [proof, "--vkey", str(tmp_path / "skey")],
        [proof, "--vkey", _SECRET],
        [_SECRET, "--vkey", vkey],
        [proof, _SECRET, "--vkey", vkey],
        *([proof, "--vkey", vkey, "--policy", str(tmp_path / f"policy{number}")] for number in range(4)),
    ):
        assert main([*arguments, "--language", language]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert "PRIVATE+KEY" in error
        assert _SECRET[-20:] not in error


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
        [proof, "--vkey", vkey, "--json"],
        [proof, "--vkey", vkey, "--json", str(tmp_path)],
        [proof, proof, "--vkey", vkey],
    ):
        assert main([*arguments, "--language", language]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert error.strip()
    assert main([proof, "--vkey", vkey, "--language", "fr"]) == 2
    assert main([proof, "--vkey", vkey, "--rescore"]) == 2
    assert "tally verify --rescore" in capsys.readouterr().err
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
