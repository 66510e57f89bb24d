"""`tally forget` and `tally hold`: one person forgotten everywhere, or kept from it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallystick.cli.app import app
from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.evidence_words import WORDS
from tallystick.core import UsageError, format_instant, parse_instant, to_datetime


@app.command()
def forget(
    subject: Annotated[
        str, typer.Argument(metavar="[SUBJECT]", help="COLUMN=VALUE, or the value; without it: end what was begun.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; kept for ever, so it must not name the person.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is held and would be erased; write nothing.")] = (
        False
    ),
    json_file: JsonOption = None,
) -> None:
    """Forget one subject everywhere, and record that as a leaf (exit code 1 when it must be kept)."""
    from msgspec import to_builtins

    from tallystick.cli.show import Steps
    from tallystick.desk import finish_forgetting, forget_subject, load_project, plan_forgetting

    project = load_project(CONTEXT.project)
    if subject and not reason and not dry_run:
        raise UsageError(WORDS("forget.reason"))
    if dry_run:
        found = [plan_forgetting(project, subject, reason)]
    else:
        with Steps(CONTEXT.language) as steps:
            if subject:
                found = [forget_subject(project, subject, reason, steps)]
            else:
                found = list(finish_forgetting(project, steps))
    write_json(json_file, to_builtins(found[0] if subject else found))
    for one in found:
        _show(one)
    if not found:
        typer.echo(WORDS("forget.nothing").text(CONTEXT.language))


def _show(found: Any) -> None:
    def say(code: str, **values: Any) -> None:
        typer.echo(WORDS(code, **values).text(CONTEXT.language))

    for place, count in found.erasure.counts.items():
        say("forget.count", place=WORDS(f"forget.{place}").text(CONTEXT.language), count=count)
    if found.erasure.shared:
        say("forget.shared", count=len(found.erasure.shared))
    for column in found.exposed:
        say("forget.exposed", column=column)
    for file in found.left:
        say("forget.left", file=file)
    if found.position is None:
        say("forget.dry")
    else:
        say("forget.done", id=found.erasure.id, position=found.position)


@app.command()
def hold(
    subject: Annotated[
        str, typer.Argument(metavar="[SUBJECT]", help="COLUMN=VALUE, or the value; without it: list all holds.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; kept for ever, so it must not name the person.")] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="The last day of the hold; without it until lifted.")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="Lift every hold of the subject.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Hold one subject, so that it cannot be forgotten, or lift its holds; each is a leaf."""
    from msgspec import to_builtins

    from tallystick.desk import hold_subject, lift_holds, load_project, open_holds, system_clock

    project, language = load_project(CONTEXT.project), CONTEXT.language
    if subject and not reason:
        raise UsageError(WORDS("hold.reason"))
    if lift and (until or not subject):
        raise UsageError(WORDS("hold.lift"))
    if lift:
        found = lift_holds(project, subject, reason)
    elif subject:
        last_day = _end_of(until, project.zone) if until else None
        found = (
            hold_subject(project, subject, reason, last_day, lambda said: typer.echo(said.text(language), err=True)),
        )
    else:
        found = open_holds(project, system_clock(0))
    write_json(json_file, to_builtins(found))
    for one in found:
        about = {"id": one.id, "since": format_instant(one.at, project.zone), "why": one.reason}
        last = "" if one.until is None else to_datetime(one.until - 1, project.zone).date().isoformat()
        end = last or WORDS("hold.open").text(language)
        typer.echo(WORDS("hold.lifted" if lift else "hold.line", until=end, **about).text(language))
    if not found:
        typer.echo(WORDS("hold.nobody").text(language))


def _end_of(day: str, zone: str) -> int:
    """The instant at which a day ends in a zone."""
    from datetime import date, timedelta

    from tallystick.core import InputError

    try:
        following = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InputError(WORDS("hold.day", given=day)) from None
    return parse_instant(following.isoformat(), zone)
