"""`tally witness`: a witness that cosigns other people's logs, and never two pasts of one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.context import CONTEXT
from tallystick.cli.evidence_words import WORDS
from tallystick.core import InputError, Place, StateError
from tallystick.core.system import system_words

if TYPE_CHECKING:
    from tallystick.ledger import Signer

witness_app = typer.Typer(help="Witness: cosign other people's logs, never two pasts of one.", no_args_is_help=True)

FolderOption = Annotated[Path, typer.Option("--folder", metavar="DIR", help="The witness's keys and what it has seen.")]


@witness_app.command("key")
def key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The witness's name, such as witness.bank.example/w1.")],
    folder: FolderOption,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="ed25519, ml-dsa-44 or sm2.")] = "ed25519",
) -> None:
    """Make a key for a witness and print its public text."""
    from tallystick.ledger import KeyKind, generate_key

    kinds = {"ed25519": KeyKind.COSIGNATURE, "ml-dsa-44": KeyKind.ML_DSA_44, "sm2": KeyKind.SM2}
    if kind not in kinds:
        raise typer.BadParameter(f"{kind!r}; allowed: {', '.join(kinds)}", param_hint="--kind")
    skey, vkey = generate_key(name, kinds[kind])
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "keys", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(skey + "\n")
        file.flush()
        os.fsync(file.fileno())
    typer.echo(vkey)


@witness_app.command("serve")
def serve(
    folder: FolderOption,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8088,
) -> None:
    """Answer add-checkpoint requests (C2SP tlog-witness) until stopped."""
    from tallystick.ledger import Verifier, Witness
    from tallystick.ledger.network import WitnessServer
    from tallystick.ledger.verifier import read_keys

    signers = _signers(folder / "keys")
    if not signers:
        raise StateError(WORDS("witness.keys", given=str(folder / "keys")))
    logs = [Verifier(line) for line in read_keys([folder / "logs"])] if (folder / "logs").exists() else []
    witness = Witness(folder, signers, logs, lambda: int(time.time()))
    try:
        server = WitnessServer(witness, host, port)
    except OSError as error:
        why = system_words(error)
        raise StateError(WORDS("witness.address", given=f"{host}:{port}", why=why)) from None
    names = ", ".join(dict.fromkeys(signer.name for signer in signers))
    listed = ", ".join(witness.origins) or "-"
    typer.echo(WORDS("witness.listens", name=names, url=server.url, logs=listed).text(CONTEXT.language))
    server.serve()


@witness_app.command("fork")
def fork(
    file: Annotated[Path, typer.Argument(help="A file that a witness kept against a log.")],
    vkey: Annotated[Path, typer.Option(help="File with the public keys of the log, one a line.")],
) -> None:
    """Check that a file proves two pasts of one log."""
    from tallystick.ledger import Verifier, check_equivocation
    from tallystick.ledger.verifier import read_file, read_keys

    found = check_equivocation(read_file(file), [Verifier(line) for line in read_keys([vkey])])
    first, second = found.first, found.second
    words = WORDS(
        "witness.fork",
        origin=first.origin,
        first=first.size,
        second=second.size,
        one=first.root.hex(),
        other=second.root.hex(),
    )
    typer.echo(words.text(CONTEXT.language))


def _signers(path: Path) -> list[Signer]:
    """The witness's secret keys, one a line; blank lines and those that begin with # pass."""
    from tallystick.ledger import Signer
    from tallystick.ledger.verifier import read_file

    found = []
    lines = read_file(path).decode("utf-8", "replace").split("\n") if path.exists() else []
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            try:
                found.append(Signer(line))
            except InputError as error:
                raise InputError(error.message, Place(str(path), line=number)) from None
    return found
