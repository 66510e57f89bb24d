"""`tally-verify` as a process of its own: whatever it is given, it says 0, 1 or 2, shows no traceback and ends."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tallystick.core import jcs
from tallystick.ledger import Log, Signer, generate_key, leaf, make_bundle

_NAME = "银行.example/log"
_COMMAND = [sys.executable, "-c", "from tallystick.ledger.verifier import run; run()"]
_HEAVY = {"numpy", "polars", "numba", "duckdb", "deltalake", "sqlalchemy", "lightgbm", "typer", "gmalg"}
_MEMORY_BYTES_MAX = 2 << 30
_CPU_SECONDS_MAX = 20


def _run(
    folder: Path, *words: str, stdout: int = subprocess.PIPE, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The exit code of a process with bounded memory and CPU time, and all that it printed."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES_MAX, _MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS_MAX, _CPU_SECONDS_MAX))

    done = subprocess.run(
        [*_COMMAND, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        preexec_fn=bound,
        check=False,
    )
    return done.returncode, (done.stdout or b"").decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good proof, a bad one, and the key."""
    made = tmp_path_factory.mktemp("files")
    signer, salt = Signer(generate_key(_NAME)[0]), bytes(32)
    entry = leaf("decision", b'{"reason":"\xe4\xb8\xad"}', salt)
    with Log(made / "log", _NAME, signer) as log:
        log.append([entry])
        bundle = make_bundle(entry, log.prove(0), log.checkpoint(), b'{"reason":"\xe4\xb8\xad"}', salt)
    (made / "good").write_bytes(bundle)
    (made / "bad").write_bytes(bundle.replace(b'"kind', b'"kinb'))
    (made / "vkey").write_text(signer.verifier.vkey + "\n", "utf-8")
    return made


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("good", "--vkey", "vkey"), 0),
        (("good", "--vkey", "vkey", "--json", "/dev/null"), 0),
        (("good", "--vkey", "vkey", "--json", "missing/verdict"), 2),
        (("--help",), 0),
        (("bad", "--vkey", "vkey"), 1),
        (("vkey", "--vkey", "vkey"), 1),
        (("/dev/null", "--vkey", "vkey"), 1),
        (("good",), 2),
        (("good", "--vkey", "good"), 2),
        (("good", "--vkey", "/dev/null"), 2),
        (("log", "--vkey", "vkey"), 2),
        (("missing", "--vkey", "vkey"), 2),
        (("good", "--vkey", "vkey", "--policy", "good"), 2),
        (("good", "--vkey", "vkey", "--policy", "log"), 2),
        (("good", "--vkey"), 2),
        (("good", "--vkey", "vkey", "--nonsense", "\udcff"), 2),
        (("\udcff", "--vkey", "vkey"), 2),
        (("x" * 5000, "--vkey", "vkey"), 2),
        (("/dev/zero", "--vkey", "vkey"), 2),
        (("good", "--vkey", "/dev/zero"), 2),
    ],
)
def test_exit_codes(folder: Path, words: tuple[str, ...], code: int) -> None:
    """0 the proof holds, 1 it does not, 2 the question was wrong; endless files are a wrong question."""
    found, out = _run(folder, *words)
    assert (found, "Traceback" in out) == (code, False), out[-500:]
    assert out.strip()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("name", "code"), [("good", 0), ("bad", 1), ("missing\udcff", 2)])
def test_a_terminal_that_lacks_letters_changes_no_answer(
    folder: Path, encoding: str, language: str, name: str, code: int
) -> None:
    words = (name, "--vkey", "vkey", "--language", language)
    found, out = _run(folder, *words, environment={"PYTHONIOENCODING": encoding})
    assert (found, "Traceback" in out) == (code, False), out[-500:]


def test_an_answer_that_cannot_be_written_is_no_answer(folder: Path) -> None:
    """A full disk and a closed pipe: neither 0 nor 1, for nobody has read which."""
    full = os.open("/dev/full", os.O_WRONLY)
    reading, closed = os.pipe()
    os.close(reading)
    for stdout in (full, closed):
        found, out = _run(folder, "good", "--vkey", "vkey", stdout=stdout)
        assert (found, "Traceback" in out) == (2, False), out[-500:]
        os.close(stdout)


_MANY = 100_000_000 if os.environ.get("TALLYSTICK_SOAK") == "1" else 10_000_000


def _filled(**fields: str) -> bytes:
    document = {"format": "tallystick-proof@1", "leaf": "", "payload": None, "salt": None, "tlog_proof": ""}
    return jcs({**document, **fields}) + b"\n"


_HEAD = "c2sp.org/tlog-proof@v1\nindex 0\n"
_JUNK: dict[str, Callable[[], bytes]] = {
    "zeros": lambda: bytes(_MANY),
    "brackets": lambda: b"[" * _MANY,
    "objects": lambda: b'{"a":' * (_MANY // 5),
    "spaces": lambda: b" " * _MANY,
    "a long leaf": lambda: _filled(leaf="a" * _MANY),
    "a long payload": lambda: _filled(payload="A" * _MANY, salt="00" * 32),
    "lines of a proof": lambda: _filled(tlog_proof=_HEAD + "A\n" * (_MANY // 3)),
    "a long line of a proof": lambda: _filled(tlog_proof=_HEAD + "A" * _MANY),
    "a long note": lambda: _filled(tlog_proof=_HEAD + "\n" + "a" * _MANY),
    "empty lines of a note": lambda: _filled(tlog_proof=_HEAD + "\n\n" + "\n" * (_MANY // 2)),
    "signatures": lambda: _filled(tlog_proof=_HEAD + "\na\n\n" + "— x AAAAAAE=\n" * (_MANY // 20)),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", _JUNK)
def test_megabytes_of_junk(folder: Path, tmp_path: Path, name: str) -> None:
    """Ten megabytes, a hundred in the soak: refused as no proof within bounds of memory and CPU time, no traceback."""
    (tmp_path / "junk").write_bytes(_JUNK[name]())
    found, out = _run(folder, str(tmp_path / "junk"), "--vkey", "vkey")
    assert (found, "Traceback" in out) == (1, False), out[-500:]
    assert len(out) < 2000


def test_nothing_heavy_is_loaded_whatever_is_asked(folder: Path) -> None:
    """A file that holds, one that does not, and a wrong question: none of them loads a data library."""
    probe = (
        "import sys\nfrom tallystick.ledger.verifier import main\nmain()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    for words in (["good", "--vkey", "vkey"], ["bad", "--vkey", "vkey"], ["missing", "--vkey", "vkey"]):
        done = subprocess.run([sys.executable, "-c", probe, *words], cwd=folder, capture_output=True, check=True)
        loaded = set(done.stdout.decode().splitlines()[-1].split())
        assert not loaded & _HEAVY
        assert {"tallystick", "cryptography", "msgspec"} <= loaded
