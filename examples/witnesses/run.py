"""Three witnesses of three owners: a log that they cosign, one of them gone, and a fork that nobody signs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tallystick.ledger import Log, Signer, check_equivocation, check_policy, generate_key, parse_policy
from tallystick.ledger.network import cosign_log

TALLY = (sys.executable, "-c", "from tallystick.cli import main; main()", "witness")
OWNERS = {"bank": "ed25519", "auditor": "ml-dsa-44", "chamber": "ed25519"}
ORIGIN = "bank.example/decisions"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def make_key(folder: Path, owner: str, kind: str, log_vkey: str) -> str:
    """The owner's part: a key of his own, and whom he witnesses."""
    command = [*TALLY, "key", f"{owner}.example/w", "--folder", str(folder), "--kind", kind]
    vkey = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (folder / "logs").write_text(log_vkey + "\n", "utf-8")
    return vkey


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a witness; gives its process and its address."""
    command = [*TALLY, "serve", "--folder", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    return process, next(word.rstrip(";") for word in line.split() if word.startswith("http"))


def run(folder: Path) -> None:
    signer = Signer(generate_key(ORIGIN)[0])
    lines, processes = [f"log {signer.verifier.vkey}"], {}
    for owner, kind in OWNERS.items():
        vkey = make_key(folder / owner, owner, kind, signer.verifier.vkey)
        processes[owner], url = start(folder / owner)
        lines.append(f"witness {owner} {vkey} {url}")
    text = "\n".join((*lines, f"group two-of-three 2 {' '.join(OWNERS)}", "quorum two-of-three", "")).encode()
    (folder / "trust.policy").write_bytes(text)
    policy = parse_policy(text)
    try:
        with Log(folder / "log", ORIGIN, signer) as log:
            log.append([b"approve", b"decline"])
            cosign_log(log, policy, timeout_s=60)
            say(f"cosigned at {log.size}: {', '.join(check_policy(policy, log.checkpoint()).witnesses)}")
            processes["chamber"].kill()
            log.append([b"approve"])
            cosign_log(log, policy, timeout_s=60)
            say(f"cosigned at {log.size}: {', '.join(check_policy(policy, log.checkpoint()).witnesses)}")
        with Log(folder / "another-past", ORIGIN, signer) as log:
            log.append([b"decline", b"decline", b"approve", b"approve"])
            gathered = cosign_log(log, policy, timeout_s=60)
            say(f"another past: quorum {gathered.quorum}")
            for owner, answer in gathered.answers.items():
                say(f"  {owner}: {answer.fault}")
        for path in sorted(folder.glob("*/*/forks/*.json")):
            found = check_equivocation(path.read_bytes(), [signer.verifier])
            say(f"proven by {path.parts[-4]}: {found.first.size} entries, then {found.second.size} of another past")
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


if __name__ == "__main__":
    run(Path(sys.argv[1]))
