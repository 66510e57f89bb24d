"""The commands of `tally`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tallystick import __version__
from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.decisions import decisions_app
from tallystick.cli.evidence_words import WORDS as PROOF_WORDS
from tallystick.cli.job import draw, run_job
from tallystick.cli.labels import labels_app
from tallystick.cli.ledger import ledger_app
from tallystick.cli.models import models_app, warn_expired
from tallystick.cli.segments import segments_app
from tallystick.cli.witness import witness_app
from tallystick.cli.words import WORDS
from tallystick.core import LANGUAGES, Language, TallystickError, UsageError
from tallystick.core.system import system_words

# Rooms are imported inside the commands: `tally --help` answers before numpy would have loaded.

app = typer.Typer(
    name="tally",
    help="Labels, models, decisions and their proof, with the same bits in batch, stream and request.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(decisions_app, name="decisions")
app.add_typer(labels_app, name="labels")
app.add_typer(ledger_app, name="ledger")
app.add_typer(models_app, name="models")
app.add_typer(segments_app, name="segments")
app.add_typer(witness_app, name="witness")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tallystick {__version__}")
        raise typer.Exit


@app.callback()
def options(
    project: Annotated[Path, typer.Option("-p", "--project", metavar="DIR", help="The project folder.")] = Path(),
    language: Annotated[str, typer.Option(help="Language of messages: en or zh.")] = "",
    version: Annotated[bool, typer.Option("--version", callback=_version, help="Print the version.")] = False,
) -> None:
    """Labels, models, decisions and their proof, with the same bits in batch, stream and request."""
    CONTEXT.project = project
    CONTEXT.language = _language(language)


def _language(given: str) -> Language:
    chosen = given or os.environ.get("TALLYSTICK_LANGUAGE", "")
    if chosen and chosen not in LANGUAGES:
        raise typer.BadParameter(f"{chosen!r}; allowed: {', '.join(LANGUAGES)}", param_hint="--language")
    if not chosen:
        chosen = "zh" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh") else "en"
    return "zh" if chosen == "zh" else "en"


def main() -> None:
    """Run `tally`; exits 0 when done, 1 when refused or a check failed, 2 on bad usage."""
    try:
        app()
    except TallystickError as error:
        sys.stderr.write(error.text(CONTEXT.language) + "\n")
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        sys.stderr.write(f"{where}{system_words(error).text(CONTEXT.language)}\n")
        sys.exit(1)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Make a project folder to start from: definitions for card payments."""
    from tallystick.desk import init_project

    for path in init_project(folder):
        typer.echo(path)


@app.command()
def check() -> None:
    """Read every definition of the project and show all faults together."""
    from tallystick.desk import check_log_settings, inventory, load_project, system_clock

    project = load_project(CONTEXT.project)
    check_log_settings(project)
    words = WORDS(
        "check.ok",
        name=project.settings.project.name,
        sources=len(project.sources),
        labels=len(project.library.labels),
        models=len(project.recipes),
        decisions=sum(len(model.decisions) for model in project.decisions.values()),
        flows=len(project.flows),
    )
    typer.echo(words.text(CONTEXT.language))
    warn_expired(inventory(project, system_clock(0)))


@app.command()
def load() -> None:
    """Load the sources into the lake; rows that break their schema go to quarantine."""
    from tallystick.cli.show import Steps, print_table
    from tallystick.desk import load_project, load_sources

    project = load_project(CONTEXT.project)
    with Steps(CONTEXT.language) as steps:
        reports = load_sources(project, steps)
    columns = ("load.table", "load.rows", "load.unchanged", "load.quarantined", "load.version")
    rows = [(r.table, r.rows, r.unchanged_rows, r.quarantined, str(r.version)) for r in reports]
    print_table(CONTEXT.language, columns, rows)
    for report in reports:
        if report.ignored:
            words = WORDS("load.ignored", table=report.table, columns=", ".join(report.ignored))
            typer.echo(words.text(CONTEXT.language))


@app.command()
def train() -> None:
    """Train every model of models.toml; one that passes its gates and needs no approval becomes champion."""
    run_job(("load", "labels", "train"))


@app.command()
def backtest() -> None:
    """Run models and decisions over history: outcomes, trade-offs, alerts caught."""
    run_job(("load", "labels", "train", "backtest"))


@app.command()
def decide(
    event: Annotated[str, typer.Argument(help="A file with one event as JSON, or - for standard input.")] = "-",
) -> None:
    """Decide one event: prints the answer as JSON once it is durable."""
    from tallystick.desk import Desk, answer_document, load_project, read_event
    from tallystick.desk import decide as decide_event

    body = read_event(event)
    with Desk(load_project(CONTEXT.project)) as desk:
        document = answer_document(desk, decide_event(desk, body), CONTEXT.language)
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


@app.command()
def replay(
    source: Annotated[str, typer.Option("--from", help="vector (recorded labels) or history (recomputed).")] = "vector",
    json_file: JsonOption = None,
) -> None:
    """Recompute every recorded decision and report any bit that differs (exit code 1 then)."""
    from msgspec import to_builtins

    from tallystick.cli.show import Steps
    from tallystick.desk import load_project, replay_decisions

    if source not in ("vector", "history"):
        raise typer.BadParameter(f"{source!r}; allowed: vector, history", param_hint="--from")
    project = load_project(CONTEXT.project)
    with Steps(CONTEXT.language) as steps:
        report = replay_decisions(project, source, steps)
    write_json(json_file, to_builtins(report))
    for difference in report.differences:
        typer.echo(f"{difference.decision}: {difference.what}: {difference.recorded} -> {difference.replayed}")
    counts = {"decisions": report.decisions, "source": report.source, "values": report.values}
    words = (
        WORDS("replay.differs", differing=report.differing, **counts)
        if report.differing
        else WORDS("replay.same", **counts)
    )
    typer.echo(words.text(CONTEXT.language))
    if report.erased:
        typer.echo(WORDS("replay.erased", erased=report.erased).text(CONTEXT.language))
    if report.readers:
        typer.echo(WORDS("replay.readers", count=report.reading).text(CONTEXT.language))
        for reader in report.readers:
            words = WORDS("replay.reader", decision=reader.decision, labels=", ".join(reader.labels))
            typer.echo(words.text(CONTEXT.language))
    if report.differing:
        raise typer.Exit(1)


@app.command()
def prove(
    decision: Annotated[str, typer.Argument(metavar="ID", help="The decision's id.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="File to write; default ID.proof.json.")
    ] = None,
    rescore: Annotated[bool, typer.Option("--rescore", help="Carry model and tables: it can be taken again.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who asks; default the user of the process.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", metavar="TEXT", help="What for; recorded with who asks.")] = "",
) -> None:
    """Write one offline file that proves a recorded decision to a stranger."""
    from tallystick.desk import load_project, prove_decision
    from tallystick.ledger.verifier import verify_file

    path, project = output or Path(f"{decision.replace('/', '-')}.proof.json"), load_project(CONTEXT.project)
    key = prove_decision(project, decision, path, rescore=rescore, by=by, purpose=purpose)
    shown = verify_file(path, [key]).payload is not None
    lines = [PROOF_WORDS("proof.written", path=path, key=key), PROOF_WORDS("proof.noted" if shown else "proof.erased")]
    policy = project.settings.ledger.policy
    if policy:
        verdict = verify_file(path, [key], project.root / policy)
        fault, names = verdict.fault, ", ".join(sorted(verdict.witnesses))
        lines.append(
            PROOF_WORDS("proof.cosigned", names=names)
            if fault is None
            else PROOF_WORDS("proof.uncosigned", fault=fault.text(CONTEXT.language))
        )
    for line in lines:
        typer.echo(line.text(CONTEXT.language))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A proof file made by `tally prove`.")],
    vkey: Annotated[
        list[Path] | None, typer.Option(help="File with verifier keys of the log, one a line; repeatable.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Witness policy whose quorum must have cosigned.")] = None,
    rescore: Annotated[bool, typer.Option("--rescore", help="Take the decision again from what it carries.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Check a proof file against verifier keys; needs no project and no network (exit code 2: a file is unreadable)."""
    from tallystick.ledger.verifier import answer

    if rescore:
        from tallystick.cli.verify import take_again
    code = answer(file, vkey or (), policy, json_file, CONTEXT.language, take_again if rescore else None)
    raise typer.Exit(code)


@app.command()
def report() -> None:
    """Draw the HTML report of the last run again."""
    from tallystick.desk import last_run, load_project

    project = load_project(CONTEXT.project)
    typer.echo(draw(project, last_run(project)))


@app.command()
def run(
    json_file: JsonOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Put the old state aside and start anew.")] = False,
) -> None:
    """Load, labels, train, backtest, live decisions, verify, report: in one go, resumable step by step."""
    run_job(None, json_file, fresh)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo's project is made.")] = Path("tally-demo"),
    customers: Annotated[int, typer.Option(min=200, max=1_000_000, help="Customers of the simulated bank.")] = 4000,
    months: Annotated[int, typer.Option(min=6, max=24, help="Months of payments.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 7,
    json_file: JsonOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Put the old state aside and start anew.")] = False,
) -> None:
    """Simulate a bank, then run the whole job on it."""
    from tallystick.cli.demo import make_demo

    make_demo(folder, customers, months, seed, CONTEXT.language)
    CONTEXT.project = folder
    run_job(None, json_file, fresh)


from tallystick.cli import consume, forget, validate  # noqa: E402, F401
