"""`tally ledger`: the whole log checked, its days reconciled, and a copy for everybody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.evidence_words import WORDS
from tallystick.core import InputError

if TYPE_CHECKING:
    from tallystick.desk import Cosigned

_DAYS_SHOWN = 10

ledger_app = typer.Typer(help="The log of evidence: check it, reconcile a day, export it.", no_args_is_help=True)


@ledger_app.command()
def check(json_file: JsonOption = None) -> None:
    """Check the whole log: tiles, leaves, frames, and every day that was reconciled."""
    from msgspec import structs, to_builtins

    from tallystick.cli.show import Steps
    from tallystick.desk import check_ledger, load_project

    project = load_project(CONTEXT.project)
    with Steps(CONTEXT.language) as steps:
        found = check_ledger(project, steps)
    faults = [message.text(CONTEXT.language) for message in found.faults]
    document = {**to_builtins(structs.replace(found, faults=(), cosigned=None)), "faults": faults, "ok": found.holds}
    cosigned = None if found.cosigned is None else _cosigned_document(found.cosigned)
    write_json(json_file, {**document, "cosigned": cosigned})
    about = {"size": found.size, "origin": found.origin, "root": found.root, "frames": found.frames}
    typer.echo(WORDS("ledger.sound", **about).text(CONTEXT.language))
    if found.waiting:
        typer.echo(WORDS("ledger.waiting", waiting=found.waiting).text(CONTEXT.language))
    days = {"days": len({item.day for item in found.reconciled}), "open": len(found.open_days)}
    typer.echo(WORDS("ledger.days", **days).text(CONTEXT.language))
    if found.open_days:
        typer.echo(_named_days(found.open_days))
    for fault in faults:
        typer.echo(WORDS("ledger.missing", fault=fault).text(CONTEXT.language))
    if found.cosigned is not None:
        _show_cosigned(found.cosigned)
    if not found.holds:
        raise typer.Exit(1)


def _named_days(days: Sequence[str]) -> str:
    more = len(days) - _DAYS_SHOWN
    names = ", ".join(days[:_DAYS_SHOWN])
    words = WORDS("ledger.open_more", days=names, more=more) if more > 0 else WORDS("ledger.open", days=names)
    return words.text(CONTEXT.language)


def _show_cosigned(found: Cosigned) -> None:
    about = {"names": ", ".join(found.signed) or "-", "quorum": found.quorum}
    lines = [WORDS("ledger.cosigned" if found.met else "ledger.uncosigned", **about)]
    if not found.met:
        lines.append(WORDS("ledger.held", size=found.size) if found.size else WORDS("ledger.never"))
    for name, why in found.missing.items():
        lines.append(WORDS("ledger.silent", name=name, why=WORDS("ledger.unasked") if why is None else why))
    lines += [WORDS("ledger.fork", path=path) for path in found.forks]
    lines += [WORDS("ledger.ahead", fault=message.text(CONTEXT.language)) for message in found.ahead]
    # Several witnesses may hold the same.
    for text in dict.fromkeys(line.text(CONTEXT.language) for line in lines):
        typer.echo(text)


def _cosigned_document(found: Cosigned) -> dict[str, Any]:
    return {
        "quorum": found.quorum,
        "met": found.met,
        "ok": found.holds,
        "signed": found.signed,
        "missing": {name: why and why.text(CONTEXT.language) for name, why in found.missing.items()},
        "size": found.size,
        "forks": [str(path) for path in found.forks],
        "ahead": [message.text(CONTEXT.language) for message in found.ahead],
    }


@ledger_app.command()
def cosign(json_file: JsonOption = None) -> None:
    """Sign the log as it is and ask the witnesses of the project's policy to cosign it, now."""
    from tallystick.desk import cosign_now, load_project

    found = cosign_now(load_project(CONTEXT.project))
    write_json(json_file, None if found is None else _cosigned_document(found))
    if found is None:
        typer.echo(WORDS("ledger.unwitnessed").text(CONTEXT.language))
        raise typer.Exit(1)
    _show_cosigned(found)
    if not found.holds:
        raise typer.Exit(1)


@ledger_app.command()
def key() -> None:
    """Print the log's public key, for witnesses, policies and verifiers; made on first use."""
    from tallystick.desk import load_project, log_key

    typer.echo(log_key(load_project(CONTEXT.project)))


@ledger_app.command()
def reconcile(
    day: Annotated[str, typer.Argument(help="YYYY-MM-DD in the project's zone.")],
    received: Annotated[
        list[str] | None, typer.Option(metavar="STREAM=N", help="Requests that the stream's source counted.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Count a day's decisions and leaves beside the requests of its sources, and record that as a leaf."""
    from msgspec import to_builtins

    from tallystick.desk import differing, load_project
    from tallystick.desk import reconcile as reconcile_day

    found = reconcile_day(load_project(CONTEXT.project), day, _counts(received or ()))
    write_json(json_file, {**to_builtins(found), "ok": found.holds})
    for count in found.counts:
        number = "-" if count.received is None else count.received
        words = WORDS(
            "ledger.count",
            stream=count.stream,
            received=number,
            decisions=count.decisions,
            leaves=count.leaves,
            day=found.day,
        )
        typer.echo(words.text(CONTEXT.language))
    if differing(found):
        typer.echo(WORDS("ledger.differs").text(CONTEXT.language))
        raise typer.Exit(1)


def _counts(texts: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text in texts:
        match = re.fullmatch(r"([^=]+)=(0|[1-9][0-9]{0,17})", text)
        if match is None:
            raise InputError(WORDS("ledger.received", given=text))
        if match[1] in counts:
            raise InputError(WORDS("ledger.twice", given=match[1], first=counts[match[1]], second=match[2]))
        counts[match[1]] = int(match[2])
    return counts


@ledger_app.command()
def export(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="A new folder, or an earlier export.")],
) -> None:
    """Copy checkpoint, tiles and key as static files, consistent with each other; also beside a writer."""
    from tallystick.cli.show import Steps
    from tallystick.desk import export_ledger, load_project

    project = load_project(CONTEXT.project)
    with Steps(CONTEXT.language) as steps:
        head = export_ledger(project, folder, steps)
    typer.echo(WORDS("ledger.exported", size=head.size, origin=head.origin, path=folder).text(CONTEXT.language))
