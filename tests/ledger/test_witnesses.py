"""Witnesses on the network: three institutions as three processes, slow, dead and lying ones, and a forked log."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tallystick.core import InputError, StateError, TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Log,
    Policy,
    Signer,
    Verifier,
    Witness,
    add_signatures,
    check_equivocation,
    check_policy,
    cosign,
    generate_key,
    make_equivocation,
    open_checkpoint,
    parse_policy,
    sign_checkpoint,
)
from tallystick.ledger.network import WitnessServer, cosign_log, cosignatures, gather
from tallystick.ledger.note import Signature
from tallystick.ledger.witness.protocol import origin_id

_LOG = Signer(generate_key("bank.example/log")[0])
_TIME = 1_700_000_000
_TALLY = (sys.executable, "-c", "from tallystick.cli import main; main()")


def _log(folder: Path, first: bytes, size: int = 20) -> Log:
    log = Log(folder, _LOG.name, _LOG)
    log.append([first, *(b"entry %d" % number for number in range(1, size))])
    return log


def _policy(parties: dict[str, tuple[str, str]], quorum: str) -> Policy:
    lines = [f"log {_LOG.verifier.vkey}", *(f"witness {name} {vkey} {url}" for name, (vkey, url) in parties.items())]
    return parse_policy("\n".join((*lines, f"group q {quorum} {' '.join(parties)}", "quorum q", "")).encode())


class _Institution:
    """A witness in a process of its own, as `tally witness serve` runs it."""

    def __init__(self, folder: Path, name: str, kind: str) -> None:
        self.folder, self.name = folder, name
        self.vkey = _tally("witness", "key", name, "--folder", str(folder), "--kind", kind).stdout.strip()
        (folder / "logs").write_text(f"# whom we witness\n{_LOG.verifier.vkey}\n", "utf-8")
        self.start()

    def start(self) -> None:
        command = [*_TALLY, "witness", "serve", "--folder", str(self.folder), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert _LOG.name in line
        self.url = line.split(" listens at ")[1].split(";")[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def latest(self) -> bytes:
        with urllib.request.urlopen(f"{self.url}/{origin_id(_LOG.name)}/checkpoint", timeout=30) as answer:
            return bytes(answer.read())


def _tally(*words: str) -> subprocess.CompletedProcess[str]:
    command = [*_TALLY, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[dict[str, _Institution]]:
    kinds = {"bank": "ed25519", "auditor": "ml-dsa-44", "chamber": "ed25519"}
    made = {name: _Institution(tmp_path / name, f"{name}.example/w", kind) for name, kind in kinds.items()}
    yield made
    for institution in made.values():
        institution.kill()


def test_three_institutions(three: dict[str, _Institution], tmp_path: Path) -> None:
    """Two of three cosign a growing log, one dies and comes back; a fork gets no quorum, and its proof is kept."""
    policy = _policy({name: (found.vkey, found.url) for name, found in three.items()}, "all")
    with _log(tmp_path / "true", b"approve") as log:
        gathered = cosign_log(log, policy, timeout_s=60)
        assert gathered.quorum, gathered.answers
        published = (tmp_path / "true/checkpoint").read_bytes()
        assert check_policy(policy, published).witnesses.keys() == three.keys()
        assert log.checkpoint() == published
        assert log.check() == 20

        three["chamber"].kill()
        log.append([b"more"])
        two = _policy({name: (found.vkey, found.url) for name, found in three.items()}, "2")
        assert cosign_log(log, two, {"bank": 20}, timeout_s=60).quorum
        assert check_policy(two, log.checkpoint()).witnesses.keys() == {"bank", "auditor"}
        three["chamber"].start()
        back = _policy({name: (found.vkey, found.url) for name, found in three.items()}, "all")
        assert cosign_log(log, back, timeout_s=60).quorum

    with _log(tmp_path / "forged", b"decline", 30) as forged:
        refused = cosign_log(forged, _policy({n: (f.vkey, f.url) for n, f in three.items()}, "any"), timeout_s=60)
        assert not refused.quorum
        assert not any(answer.ok for answer in refused.answers.values())
        assert b"auditor" not in (tmp_path / "forged/checkpoint").read_bytes()
    keys = tmp_path / "vkeys"
    keys.write_text(_LOG.verifier.vkey + "\n", "utf-8")
    for found in three.values():
        (proof,) = (found.folder / origin_id(_LOG.name) / "forks").glob("*.json")
        assert check_equivocation(proof.read_bytes(), [_LOG.verifier]).second.size == 30
        told = _tally("witness", "fork", str(proof), "--vkey", str(keys))
        assert (told.returncode, "bank.example/log" in told.stdout) == (0, True)
        proof.write_bytes(proof.read_bytes().replace(b"bank", b"bink", 1))
        assert _tally("witness", "fork", str(proof), "--vkey", str(keys)).returncode == 1


def test_a_fork_shown_to_two_witnesses_is_found_by_comparing_them(
    three: dict[str, _Institution], tmp_path: Path
) -> None:
    """Each sees one side only and signs it; neither side gets two of three, and the two records prove the fork."""
    sides = {"bank": b"approve", "auditor": b"decline"}
    for name, first in sides.items():
        with _log(tmp_path / f"for-{name}", first) as log:
            policy = _policy({name: (three[name].vkey, three[name].url)}, "all")
            note = cosign_log(log, policy, timeout_s=60).note
            with pytest.raises(TamperError):
                check_policy(_policy({n: (f.vkey, f.url) for n, f in three.items()}, "2"), note)
    proof = make_equivocation(three["bank"].latest(), three["auditor"].latest())
    assert check_equivocation(proof, [_LOG.verifier]).first.size == 20


@contextmanager
def _strange(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A witness that does as it likes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                answer(self, body)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/deep/prefix/"
    server.shutdown()
    thread.join()
    server.server_close()


def _say(status: int, body: bytes) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        assert handler.path == "/deep/prefix/add-checkpoint"
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _drip(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """A byte now and then, for ever: no read of the client ever waits long."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"\xe2")
        handler.wfile.flush()
        time.sleep(0.05)


_LIAR = Signer(generate_key("liar.example/w", KeyKind.COSIGNATURE)[0])
_OTHER = sign_checkpoint(Checkpoint(_LOG.name, 20, bytes(32)), _LOG)


def _lines(signer: Signer, note: bytes) -> bytes:
    return "".join(signature.line() for signature in cosign(note, [signer], _TIME)).encode()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_say(200, _lines(_LIAR, _OTHER)), "note.signature"),
        (_say(200, _lines(Signer(generate_key("liar.example/w", KeyKind.COSIGNATURE)[0]), _OTHER)), "note.other"),
        (_say(200, b""), "witness.answer"),
        (_say(200, b"yes\n"), "witness.answer"),
        (_say(200, b"\xff" * 100), "witness.answer"),
        (_say(200, b"A" * 100_000), "witness.answer"),
        (_say(204, b""), "witness.refused"),
        (_say(301, b"elsewhere"), "witness.refused"),
        (_say(409, b"5\n"), "witness.refused"),
        (_say(409, b"21\n"), "witness.ahead"),
        (_say(409, b"-1\n"), "witness.refused"),
        (_say(409, b"9" * 50), "witness.refused"),
        (_say(500, b"\x1b[2Jcleared"), "witness.refused"),
        (_drip, "witness.silent"),
        (lambda handler, request: None, "witness.silent"),
        (lambda handler, request: time.sleep(30), "witness.silent"),
        (lambda handler, request: (handler.wfile.write(b"nonsense\r\n\r\n"), None)[1], "witness.silent"),
    ],
)
def test_a_witness_that_lies_or_is_slow_counts_as_none(
    answer: Callable[[BaseHTTPRequestHandler, bytes], None], code: str, tmp_path: Path
) -> None:
    """Beside a true witness it does no harm: the quorum of one holds, and alone it is never one."""
    key = Signer(generate_key("true.example/w", KeyKind.COSIGNATURE)[0])
    witness = Witness(tmp_path / "w", [key], [_LOG.verifier], lambda: _TIME)
    with _log(tmp_path / "log", b"approve") as log, WitnessServer(witness) as server, _strange(answer) as url:
        parties = {"liar": (_LIAR.verifier.vkey, url), "true": (key.verifier.vkey, server.url)}
        alone = gather(log.checkpoint(), _policy({"liar": parties["liar"]}, "all"), _proofs(log), timeout_s=1.5)
        assert not alone.quorum
        fault = alone.answers["liar"].fault
        assert fault is not None
        assert fault.code == code
        assert "\x1b" not in fault.text("zh")
        found = cosign_log(log, _policy(parties, "any"), timeout_s=20)
        assert found.quorum
        assert found.answers["true"].ok
        assert open_checkpoint(log.checkpoint(), [_LOG.verifier, key.verifier, _LIAR.verifier]).size == 20
        assert check_policy(_policy(parties, "any"), log.checkpoint()).witnesses == {"true": _TIME}
    witness.close()


def _proofs(log: Log) -> Callable[[int, int], tuple[bytes, ...]]:
    return lambda old, new: log.consistency(old, new).hashes


def test_a_dead_witness_and_a_wrong_address(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with _log(tmp_path, b"approve") as log:
        policy = _policy({"dead": (_LIAR.verifier.vkey, closed)}, "all")
        gathered = gather(log.checkpoint(), policy, _proofs(log), timeout_s=5)
        assert not gathered.quorum
        assert gathered.note == log.checkpoint()
        for url in ("ftp://w.example", "w.example", "http://", "http://w.example:port", "http://w.example/?q"):
            with pytest.raises(InputError):
                gather(log.checkpoint(), _policy({"w": (_LIAR.verifier.vkey, url)}, "all"), _proofs(log))


def test_the_server_answers_whatever_comes(tmp_path: Path) -> None:
    """Unknown paths and methods, no length, too long bodies, cut ones: refused, and it goes on serving."""
    key = Signer(generate_key("w.example/1", KeyKind.COSIGNATURE)[0])
    witness = Witness(tmp_path, [key], [_LOG.verifier], lambda: _TIME)
    note = sign_checkpoint(Checkpoint(_LOG.name, 20, bytes(32)), _LOG)
    with WitnessServer(witness) as server:
        host, port = server.url.removeprefix("http://").split(":")

        def ask(raw: bytes) -> bytes:
            with socket.create_connection((host, int(port)), timeout=30) as line:
                line.sendall(raw)
                line.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: line.recv(65536), b""))

        post = b"POST /add-checkpoint HTTP/1.1\r\n"
        assert b" 411 " in ask(post + b"\r\n")
        assert b" 411 " in ask(post + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc")
        assert b" 413 " in ask(post + b"Content-Length: 999999999\r\n\r\n")
        assert b" 400 " in ask(post + b"Content-Length: 3\r\n\r\nold")
        assert ask(post + b"Content-Length: 30\r\n\r\nold") == b""
        assert b" 404 " in ask(b"POST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert b" 404 " in ask(b"GET /../keys HTTP/1.1\r\n\r\n")
        assert b" 501 " in ask(b"DELETE / HTTP/1.1\r\n\r\n")
        assert b" 400 " in ask(b"nonsense\r\n\r\n")
        body = b"old 0\n\n" + note
        twice = post + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        answers = ask(twice + twice)
        assert b" 200 " in answers
        assert b" 409 " in answers
        assert b"text/x.tlog.size" in answers
        path = f"/{origin_id(_LOG.name)}/checkpoint"
        assert note[:40] in ask(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        (file,) = tmp_path.glob("*/checkpoint")
        file.write_bytes(b"torn")
        assert b" 500 " in ask(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        assert b" 500 " in ask(twice)
    witness.close()


def test_many_logs_ask_at_once(tmp_path: Path) -> None:
    """Forty requests in eight threads: each log ends at its largest tree, and nothing was rolled back."""
    signers = [Signer(generate_key(f"bank.example/{number}")[0]) for number in range(4)]
    key = Signer(generate_key("w.example/1", KeyKind.COSIGNATURE)[0])
    witness = Witness(tmp_path / "w", [key], [signer.verifier for signer in signers], lambda: _TIME)
    with WitnessServer(witness) as server:
        policy = parse_policy(f"witness w {key.verifier.vkey} {server.url}\nquorum w\n".encode())

        def grow(signer: Signer) -> None:
            with Log(tmp_path / signer.name.replace("/", "-"), signer.name, signer) as log:
                for number in range(10):
                    log.append([b"%d" % number])
                    if cosign_log(log, policy, timeout_s=60).quorum:
                        done.append(signer.name)

        done: list[str] = []
        threads = [threading.Thread(target=grow, args=(signer,)) for signer in signers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(done) == 40
    for signer in signers:
        assert open_checkpoint(witness.checkpoint(signer.name) or b"", [signer.verifier]).size == 10
    witness.close()


def test_the_log_takes_only_its_own_checkpoint_back(tmp_path: Path) -> None:
    with _log(tmp_path / "log", b"approve") as log:
        with pytest.raises(StateError):
            log.publish(_OTHER)
        note = log.checkpoint()
        for other in (_OTHER, note.replace(b"\n20\n", b"\n19\n")):
            with pytest.raises(StateError):
                log.publish(other)
        forged = sign_checkpoint(Checkpoint(_LOG.name, 20, log.root()), Signer(generate_key(_LOG.name)[0]))
        with pytest.raises(TamperError):
            log.publish(forged)
        assert (tmp_path / "log/checkpoint").read_bytes() == note


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    for words in (
        ("witness", "key", "w.example", "--folder", str(tmp_path), "--kind", "rsa"),
        ("witness", "serve", "--folder", str(tmp_path / "none")),
        ("witness", "fork", str(tmp_path / "none"), "--vkey", str(tmp_path / "none")),
        ("witness", "key", "two words", "--folder", str(tmp_path)),
    ):
        told = _tally(*words)
        assert told.returncode in (1, 2)
        assert "Traceback" not in told.stderr
    made = _tally("witness", "key", "w.example", "--folder", str(tmp_path / "w"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = _tally("witness", "serve", "--folder", str(tmp_path / "w"), "--port", str(taken.getsockname()[1]))
    assert (told.returncode, "127.0.0.1" in told.stderr, "Traceback" in told.stderr) == (1, True, False)
    assert Verifier(made.stdout.strip()).kind is KeyKind.COSIGNATURE
    assert (tmp_path / "w/keys").stat().st_mode & 0o777 == 0o600


def test_the_example_runs(tmp_path: Path) -> None:
    """examples/witnesses shows what it says: two of three cosign, the fork finds no quorum and is proven."""
    script = Path(__file__).parents[2] / "examples/witnesses/run.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("cosigned at 2: ")
    assert said[1] == "cosigned at 3: bank, auditor" or said[1] == "cosigned at 3: auditor, bank"
    assert "another past: quorum False" in said
    assert sum(line.startswith("proven by ") for line in said) == 2
    policy = parse_policy((tmp_path / "trust.policy").read_bytes())
    assert check_policy(policy, (tmp_path / "log/checkpoint").read_bytes()).witnesses.keys() == {"bank", "auditor"}


def test_a_client_that_dawdles_takes_no_place_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a request and then nothing: its connection ends, and others are served."""
    monkeypatch.setattr("tallystick.ledger.network.server._CONNECTION_SECONDS_MAX", 0.5)
    key = Signer(generate_key("w.example/1", KeyKind.COSIGNATURE)[0])
    witness = Witness(tmp_path, [key], [_LOG.verifier], lambda: _TIME)
    with WitnessServer(witness) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as slow:
            slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold")
            assert slow.recv(100) == b""
        monkeypatch.undo()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/nothing", timeout=60)
    witness.close()


def test_more_clients_than_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds no place is sent away at once; when one goes, the next is served."""
    monkeypatch.setattr("tallystick.ledger.network.server._CONNECTIONS_MAX", 3)
    key = Signer(generate_key("w.example/1", KeyKind.COSIGNATURE)[0])
    witness = Witness(tmp_path, [key], [_LOG.verifier], lambda: _TIME)
    ask = b"GET /nothing HTTP/1.1\r\n\r\n"
    with WitnessServer(witness) as server:
        host, port = server.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port)), timeout=60) for _ in range(3)]
        for line in held:
            line.sendall(ask)
            assert line.recv(12) == b"HTTP/1.1 404"
        with socket.create_connection((host, int(port)), timeout=60) as fourth, suppress(ConnectionError):
            fourth.sendall(ask)
            assert fourth.recv(12) == b""
        for line in held:
            line.close()
        for _ in range(600):
            with socket.create_connection((host, int(port)), timeout=60) as next_one, suppress(ConnectionError):
                next_one.sendall(ask)
                if next_one.recv(12) == b"HTTP/1.1 404":
                    break
            time.sleep(0.05)
        else:
            pytest.fail("nobody was served again")
    witness.close()


def test_what_a_note_bears_already_counts(tmp_path: Path) -> None:
    """Who has cosigned is not asked again; a wrong line of a witness counts as none."""
    key, other = (Signer(generate_key(f"w.example/{number}", KeyKind.COSIGNATURE)[0]) for number in (1, 2))
    with _log(tmp_path / "log", b"approve") as log, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
        policy = _policy({"one": (key.verifier.vkey, closed), "two": (other.verifier.vkey, closed)}, "any")
        note = log.checkpoint()
        signed = add_signatures(note, cosign(note, [key], _TIME))
        found = gather(signed, policy, _proofs(log), timeout_s=60)
        assert (found.quorum, set(found.answers), found.note) == (True, {"two"}, signed)
        line, later = (cosign(note, [key], time_s)[0] for time_s in (_TIME, _TIME + 1))
        wrong = add_signatures(note, [Signature(line.name, line.id, later.signature[:8] + line.signature[8:])])
        assert cosignatures(policy, wrong) == {}
        assert not gather(wrong, policy, _proofs(log), timeout_s=60).quorum
