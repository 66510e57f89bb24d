"""A project whose log is cosigned: three witnesses of three owners, as processes, and what happens when they fail."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tallystick import ledger
from tallystick.core import DefinitionErrors, StateError, TamperError
from tallystick.desk import Desk, check_ledger, cosign_now, decide, load_project, log_key, prove_decision, reconcile
from tallystick.desk.cosigning import cosigned_path, read_standing
from tallystick.desk.project import Project

Payment = Callable[..., dict[str, Any]]
TALLY = (sys.executable, "-c", "from tallystick.cli import main; main()")
VERIFY = (sys.executable, "-c", "from tallystick.ledger.verifier import run; run()")
OWNERS = {
    "auditor": ledger.KeyKind.ML_DSA_44,
    "chamber": ledger.KeyKind.COSIGNATURE,
    "regulator": ledger.KeyKind.COSIGNATURE,
}


class Institution:
    """A witness in a process and a folder of its own, as `tally witness serve` runs it."""

    def __init__(self, folder: Path, name: str, kind: ledger.KeyKind, log: str) -> None:
        self.folder = folder
        skey, self.vkey = ledger.generate_key(f"{name}.example/w", kind)
        folder.mkdir()
        (folder / "keys").write_text(f"{skey}\n", "utf-8")
        (folder / "logs").write_text(f"{log}\n", "utf-8")
        self.port = "0"
        self.start()

    def start(self) -> None:
        command = [*TALLY, "witness", "serve", "--folder", str(self.folder), "--port", self.port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.url = self.process.stdout.readline().split(" listens at ")[1].split(";")[0]
        self.port = self.url.rpartition(":")[2]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


def policy_text(log: str, witnesses: dict[str, tuple[str, str]]) -> str:
    lines = [f"log {log}", *(f"witness {name} {vkey} {url}" for name, (vkey, url) in witnesses.items())]
    return "\n".join((*lines, f"group two-of-three 2 {' '.join(witnesses)}", "quorum two-of-three", ""))


def with_policy(root: Path, text: str) -> Project:
    """The project with this policy; tallystick.toml names it from now on."""
    (root / "trust.policy").write_text(text, "utf-8")
    settings = root / "tallystick.toml"
    if "trust.policy" not in settings.read_text("utf-8"):
        settings.write_text(settings.read_text("utf-8") + '\n[ledger]\npolicy = "trust.policy"\n', "utf-8")
    return load_project(root)


def patient(project: Project) -> bool:
    """Ask again until the quorum holds: on a loaded machine a sound witness may answer too late."""
    for _ in range(20):
        found = cosign_now(project)
        if found is not None and found.met:
            return True
    return False


@pytest.fixture
def three(bank: Path, tmp_path: Path) -> Iterator[dict[str, Institution]]:
    log, found = log_key(load_project(bank)), {}
    try:
        for name, kind in OWNERS.items():
            found[name] = Institution(tmp_path / name, name, kind, log)
        yield found
    finally:
        for institution in found.values():
            if institution.process.poll() is None:
                institution.kill()


@pytest.fixture
def project(bank: Path, three: dict[str, Institution]) -> Project:
    parties = {name: (institution.vkey, institution.url) for name, institution in three.items()}
    return with_policy(bank, policy_text(log_key(load_project(bank)), parties))


def take(project: Project, body: dict[str, Any]) -> str:
    with Desk(project) as desk:
        return decide(desk, body).id


def verified(project: Project, request_id: str, folder: Path) -> bool:
    """Whether a stranger with nothing but the proof and the policy accepts it."""
    away = folder / "away"
    away.mkdir(exist_ok=True)
    prove_decision(project, request_id, away / "proof.json")
    shutil.copy(project.root / "trust.policy", away)
    done = run(*VERIFY, str(away / "proof.json"), "--policy", str(away / "trust.policy"))
    alone = run(*VERIFY, str(away / "proof.json"), "--vkey", str(project.state / "ledger/vkey"))
    assert (alone.returncode, done.returncode in (0, 1)) == (0, True), done.stderr
    return done.returncode == 0


def test_a_quorum_through_failures(
    project: Project, three: dict[str, Institution], payment: Payment, tmp_path: Path
) -> None:
    """All there; one dead; one dead and one slow; then one liar in the dead one's place."""
    first = take(project, payment(1))
    assert patient(project)
    assert verified(project, first, tmp_path)
    three["chamber"].kill()
    second = take(project, payment(2))
    assert patient(project)
    assert verified(project, second, tmp_path)
    whole = check_ledger(project).cosigned
    assert whole is not None
    assert (whole.met, whole.holds, set(whole.signed)) == (True, True, {"auditor", "regulator"})
    assert set(whole.missing) == {"chamber"}
    before = read_standing(project)
    assert before is not None

    three["regulator"].process.send_signal(signal.SIGSTOP)
    third = take(project, payment(3))
    assert not verified(project, third, tmp_path), "one cosignature is no quorum"
    assert verified(project, second, tmp_path), "what had its quorum keeps it"
    short = check_ledger(project)
    assert short.cosigned is not None
    assert (short.holds, short.cosigned.met, short.cosigned.size) == (False, False, whole.size)
    shown = run(*TALLY, "-p", str(project.root), "ledger", "check")
    assert shown.returncode == 1
    assert "NOT COSIGNED" in shown.stdout
    assert "regulator has not cosigned" in shown.stdout
    fourth = take(project, payment(4))

    liar = Institution(tmp_path / "liar", "liar", ledger.KeyKind.COSIGNATURE, log_key(project))
    parties = {name: (institution.vkey, institution.url) for name, institution in three.items()}
    parties["chamber"] = (parties["chamber"][0], liar.url)
    project = with_policy(project.root, policy_text(log_key(project), parties))
    found = cosign_now(project)
    assert found is not None
    assert (found.met, set(found.signed)) == (False, {"auditor"})
    three["regulator"].process.send_signal(signal.SIGCONT)
    assert patient(project)
    assert verified(project, fourth, tmp_path)
    standing = read_standing(project)
    assert standing is not None
    assert not standing.witnesses["chamber"].ok
    assert standing.witnesses["auditor"].size == check_ledger(project).size
    liar.kill()


def test_a_witness_that_comes_back_remembers(project: Project, three: dict[str, Institution], payment: Payment) -> None:
    """Killed and started again it goes on from its record; what it had cosigned it does not sign otherwise."""
    assert patient(project)
    for institution in three.values():
        institution.kill()
        institution.start()
    take(project, payment(1))
    assert patient(project)
    signed = check_ledger(project).cosigned
    assert signed is not None
    assert len(signed.signed) >= 2


def test_a_log_that_was_set_back_is_shown_by_the_witnesses(
    project: Project, three: dict[str, Institution], payment: Payment, tmp_path: Path
) -> None:
    """Somebody puts yesterday's state folder back: first the witnesses are ahead, then the fork is proven."""
    take(project, payment(1))
    assert patient(project)
    copy = tmp_path / "copy"
    shutil.copytree(project.root, copy)
    for number in (2, 3):
        take(project, payment(number))
    assert patient(project)
    whole = check_ledger(project)
    assert whole.holds

    old = load_project(copy)
    take(old, payment(4))
    found = cosign_now(old)
    assert found is not None
    assert not found.holds
    assert any("was set back" in message.text() for message in found.ahead)
    shown = run(*TALLY, "-p", str(copy), "ledger", "check")
    assert shown.returncode == 1
    assert "NOT THIS LOG" in shown.stdout
    while check_ledger(old).size <= whole.size:
        take(old, payment(10 + check_ledger(old).size))
        cosign_now(old)
    found = cosign_now(old)
    assert found is not None
    assert not found.met
    assert found.forks
    key = [ledger.Verifier(log_key(old))]
    assert ledger.check_equivocation(found.forks[0].read_bytes(), key).second.size >= whole.size
    proven = run(*TALLY, "witness", "fork", str(found.forks[0]), "--vkey", str(old.state / "ledger/vkey"))
    assert (proven.returncode, proven.stdout.startswith("PROVEN")) == (0, True)
    assert check_ledger(project).holds, "the true one goes on"


def test_decisions_wait_for_nobody(project: Project, three: dict[str, Institution], payment: Payment) -> None:
    """Without a quorum nobody is asked again for a while; what came for this checkpoint is kept."""
    for institution in three.values():
        institution.process.send_signal(signal.SIGSTOP)
    assert cosign_now(project) is not None
    first = read_standing(project)
    take(project, payment(1))
    reconcile(project, "2025-09-02", {"payments": 1})
    assert read_standing(project) == first
    for institution in three.values():
        institution.process.send_signal(signal.SIGCONT)
    assert patient(project)
    assert check_ledger(project).holds
    note = cosigned_path(project).read_bytes()
    assert note == (project.state / "ledger/checkpoint").read_bytes()


def test_a_changed_cosigned_checkpoint_is_no_quorum(
    project: Project, three: dict[str, Institution], payment: Payment, tmp_path: Path
) -> None:
    first = take(project, payment(1))
    assert patient(project)
    for institution in three.values():
        institution.kill()
    take(project, payment(2))
    path = cosigned_path(project)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"\n\n", b"\nmore\n\n", 1))
    assert not verified(project, first, tmp_path)
    path.write_bytes(whole)
    assert verified(project, first, tmp_path)


def own_as_witness(vkey: str) -> str:
    """The log's Ed25519 key, written as that of a witness."""
    name, _, key = vkey.split("+", 2)
    witness = b"\x04" + base64.b64decode(key)[1:]
    number = hashlib.sha256(name.encode() + b"\n" + witness).hexdigest()[:8]
    return f"{name}+{number}+{base64.b64encode(witness).decode()}"


def test_faults_of_the_policy_have_their_line(bank: Path) -> None:
    """`tally check` shows them all."""
    key, other = log_key(load_project(bank)), ledger.generate_key("bank.example/log")[1]
    names = {
        f"w{number}": ledger.generate_key(f"w{number}.example", ledger.KeyKind.COSIGNATURE)[1] for number in (1, 2)
    }
    head = f"# ours\nlog {other}\nwitness w1 {names['w1']} gopher://w1.example\nwitness w2 {names['w2']}\n"
    with pytest.raises(DefinitionErrors) as caught:
        with_policy(bank, f"{head}group q all w1 w2\nquorum q\n")
    text = caught.value.text()
    for line, words in ((2, "this project's log"), (3, "no address"), (6, "too few")):
        assert f"trust.policy:{line}: " in text
        assert words in text
    with pytest.raises(DefinitionErrors, match=r"trust\.policy:2"):
        with_policy(bank, f"log {key}\nwitness w1 nonsense\nquorum none\n")
    with pytest.raises(DefinitionErrors, match=r"trust\.policy:1: .*its own witness"):
        with_policy(bank, f"witness own {own_as_witness(key)}\nquorum none\n")
    (bank / "trust.policy").unlink()
    shown = run(*TALLY, "-p", str(bank), "check")
    assert shown.returncode == 1
    assert "there is no file 'trust.policy'" in shown.stderr
    assert with_policy(bank, f"log {key}\nquorum none\n").settings.ledger.policy == "trust.policy"


@pytest.mark.parametrize(
    ("line", "cell"), [('origin = "other.example/log"', "ledger.origin"), ('profile = "domestic"', "ledger.profile")]
)
def test_another_origin_or_profile_is_another_log(bank: Path, line: str, cell: str) -> None:
    settings = bank / "tallystick.toml"
    settings.write_text(settings.read_text("utf-8") + f"\n[ledger]\n{line}\n", "utf-8")
    with pytest.raises(StateError) as caught:
        Desk(load_project(bank))
    assert caught.value.code == cell
    assert cell in str(caught.value)


def test_a_domestic_project(bank: Path, payment: Payment, tmp_path: Path) -> None:
    """SM3, SM2 and SM4 from the first leaf on, under its own origin; a stranger verifies it without the project."""
    settings = bank / "tallystick.toml"
    settings.write_text(
        settings.read_text("utf-8") + '\n[ledger]\norigin = "bank.example/sm"\nprofile = "domestic"\n', "utf-8"
    )
    shutil.rmtree(bank / ".tallystick/journal")
    shutil.rmtree(bank / ".tallystick/ledger")
    for path in (bank / ".tallystick").glob("*.db*"):
        path.unlink()
    project = load_project(bank)
    name = take(project, payment(1))
    key = prove_decision(project, name, tmp_path / "proof.json")
    assert key.read_text("ascii").startswith("bank.example/sm+")
    done = run(*VERIFY, str(tmp_path / "proof.json"), "--vkey", str(key))
    assert (done.returncode, done.stderr) == (0, "")
    whole = check_ledger(project)
    assert (whole.origin, whole.holds) == ("bank.example/sm", True)
    assert b'"digest":"sm3:' in (tmp_path / "proof.json").read_bytes().replace(b"\\", b"")


def test_a_proof_reads_one_frame(bank: Path, payment: Payment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is not compared whole, and yet the leaf that is proved is: with the ledger's, byte by byte."""
    project = load_project(bank)
    name = take(project, payment(1))
    read: list[int] = []
    real = ledger.Log.compare

    def counted(log: ledger.Log, entries: Sequence[bytes], at: int) -> int:
        read.append(len(entries))
        return real(log, entries, at)

    monkeypatch.setattr(ledger.Log, "compare", counted)
    prove_decision(project, name, tmp_path / "proof.json")
    assert read == [1]
    monkeypatch.setattr(ledger.Log, "compare", real)
    tiles = sorted((project.state / "ledger/tile/0").glob("001.p/*"))
    data = bytearray(tiles[-1].read_bytes())
    data[-1] ^= 1
    tiles[-1].write_bytes(data)
    with pytest.raises(TamperError):
        prove_decision(project, name, tmp_path / "again.json")
    assert not (tmp_path / "again.json").exists()


def test_who_read_a_record_is_a_leaf(bank: Path, payment: Payment, tmp_path: Path) -> None:
    """A proof that shows the record is noted before it is written; where that fails nothing is given out."""
    project = load_project(bank)
    name = take(project, payment(1))
    prove_decision(project, name, tmp_path / "proof.json", by="Mrs Auditor", purpose="yearly audit")
    folder = project.state / "access"
    assert b"Mrs Auditor" in b"".join(path.read_bytes() for path in folder.glob("*.log"))
    shutil.rmtree(folder)
    folder.write_text("in the way", "utf-8")
    with pytest.raises((StateError, OSError)):
        prove_decision(project, name, tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()
    os.unlink(folder)


def test_a_policy_that_breaks_under_an_open_desk_ends_no_decision(
    bank: Path, payment: Payment, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said aloud, one that cannot be read too; the desk refuses it when it is opened next."""
    real = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "trust.policy":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    project = with_policy(bank, f"log {log_key(load_project(bank))}\nquorum none\n")
    with Desk(project) as desk:
        (bank / "trust.policy").write_text("nonsense\n", "utf-8")
        decide(desk, payment(1))
    assert "trust.policy:1" in caplog.text
    (bank / "trust.policy").write_text("quorum none\n", "utf-8")
    with monkeypatch.context() as patch, Desk(project) as desk:
        patch.setattr(Path, "read_bytes", refused)
        decide(desk, payment(2))
    assert "Permission denied" in caplog.text
    (bank / "trust.policy").write_text("nonsense\n", "utf-8")
    with pytest.raises(DefinitionErrors):
        cosign_now(project)
    with pytest.raises(DefinitionErrors):
        load_project(bank)
