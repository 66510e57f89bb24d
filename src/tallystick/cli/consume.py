"""`tally consume`: events of a feed through the desk."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.cli.app import app
from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.words import WORDS
from tallystick.core import Place, UsageError


@app.command()
def consume(
    nats: Annotated[str, typer.Option(metavar="URL", help="Take events from NATS JetStream at URL.")] = "",
    kafka: Annotated[str, typer.Option(metavar="SERVERS", help="Take events from Kafka at SERVERS.")] = "",
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Take events from a file of JSON lines.")] = None,
    subject: Annotated[str, typer.Option(metavar="S", help="Subject (NATS) or topic (Kafka) of the events.")] = "",
    durable: Annotated[
        str, typer.Option(metavar="NAME", help="Under which it is kept how far this came.")
    ] = "tallystick",
    limit: Annotated[int, typer.Option(min=0, help="End after so many events; 0 for no limit.")] = 0,
    idle: Annotated[float, typer.Option(min=0, help="End when nothing came for so many seconds; 0 waits.")] = 0,
    json_file: JsonOption = None,
) -> None:
    """Take events from a feed: decide or observe, make durable, then acknowledge."""
    from msgspec import to_builtins

    from tallystick.cli.show import Steps
    from tallystick.desk import Desk, load_project
    from tallystick.desk import consume as take

    if sum(map(bool, (nats, kafka, file))) != 1:
        raise UsageError(WORDS("usage.feed"), Place(cell="--nats"))
    if file is None and not subject:
        raise UsageError(WORDS("usage.subject"), Place(cell="--subject"))
    project = load_project(CONTEXT.project)
    feed = _feed(project, nats, kafka, file, subject, durable)
    asked_to_stop: list[int] = []
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: asked_to_stop.append(number))
        with Steps(CONTEXT.language) as steps, Desk(project) as desk:
            taken = take(desk, feed, limit or None, idle or None, steps, lambda: bool(asked_to_stop))
    finally:
        feed.close()
    write_json(json_file, to_builtins(taken))
    words = WORDS(
        "consume.done",
        received=taken.received,
        decided=sum(taken.outcomes.values()),
        observed=taken.observed,
        repeated=taken.repeated,
        quarantined=taken.quarantined,
    )
    typer.echo(words.text(CONTEXT.language))


def _feed(project: Any, nats: str, kafka: str, file: Path | None, subject: str, durable: str) -> Any:
    from tallystick import data
    from tallystick.desk import cursor_path

    if file is not None:
        return data.FileFeed(file, cursor_path(project, durable))
    return data.NatsFeed(nats, subject, durable) if nats else data.KafkaFeed(kafka, subject, durable)
