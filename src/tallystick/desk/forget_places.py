"""The places where a subject's data lies in a state folder, and how each is erased; any of them can be done again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tallystick import data
from tallystick.core import StateError, UsageError
from tallystick.desk.consume import quarantine_path
from tallystick.desk.forget_words import WORDS
from tallystick.desk.index import forget
from tallystick.desk.livestate import state_path
from tallystick.desk.points import values_path
from tallystick.desk.project import Project
from tallystick.desk.segments import segments_of
from tallystick.desk.subjects import Held, Subject, blinded, emptied, erasing, sources_of, stand_in_of
from tallystick.labels.replica import Publisher
from tallystick.store import Keys, sync_file, sync_folder
from tallystick.store.sql import connect

LEFT_CHARACTERS_MIN = 4
"""Shorter values are not looked for in files of other kinds: they stand for anything."""


class Scene(msgspec.Struct, frozen=True):
    """One state folder, its open keys, and whom to erase there."""

    project: Project
    keys: Keys
    subject: Subject
    held: Held

    @property
    def sources(self) -> list[data.Source]:
        """The sources whose rows are the subject's."""
        return sources_of(self.project, self.subject)

    def stand_in(self, value: str | int) -> str | int:
        """What stands for a value of hers."""
        return stand_in_of(self.keys, self.subject, value)

    def mentioned(self, text: str) -> bool:
        """Whether a text names her."""
        return data.mentions(text, self.held.texts)


def erase_replica(scene: Scene) -> None:
    """Put stand-ins in place of her events in the Redis that `[state] replica` names."""
    url = scene.project.settings.state.get("replica")
    if not url:
        return
    sources = {source.name: source for source in scene.sources}

    def change(event: dict[str, Any]) -> dict[str, Any]:
        source = sources[event["stream"]]
        known = [name for name in blinded(scene.project, source) if event.get(name) is not None]
        blind = {name: scene.stand_in(event[name]) for name in known}
        return {**event, **{name: None for name in emptied(scene.project, source) if name in event}, **blind}

    events = [event for event in scene.held.events if event[0] in scene.project.library.streams]
    try:
        from redis import Redis, RedisError
    except ImportError:
        raise UsageError(WORDS("forget.redis", given=_bare(url))) from None
    try:
        with Redis.from_url(url) as client:
            Publisher(scene.project.library, client).replace(events, change)
    except (RedisError, ValueError) as error:
        raise StateError(WORDS("forget.replica", given=_bare(url), why=str(error))) from None


def erase_labels(scene: Scene) -> None:
    """Empty her rows of the label values that training reads, and her texts in anybody's."""
    for source in scene.sources:
        path = values_path(scene.project, source.name)
        # What a process that was killed had not ended.
        path.with_suffix(".partial").unlink(missing_ok=True)
        if not path.exists():
            continue
        frame = pl.read_parquet(path)
        own = pl.col("id").is_in([id for stream, id in scene.held.events if stream == source.name])
        texts = sorted(scene.held.texts)
        columns = []
        for name, dtype in frame.schema.items():
            if name == "id" and source.id in blinded(scene.project, source):
                ids = frame.filter(own)["id"].to_list()
                blind = pl.col(name).replace(ids, [scene.stand_in(id) for id in ids])
                columns.append(pl.when(own).then(blind).otherwise(pl.col(name)).alias(name))
            elif name not in ("id", "t", "k"):
                gone = own | pl.col(name).is_in(texts).fill_null(False) if dtype == pl.String else own
                columns.append(pl.when(gone).then(None).otherwise(pl.col(name)).alias(name))
        _write_frame(frame.with_columns(columns), path)


def erase_segments(scene: Scene) -> None:
    """Put stand-ins in place of her keys in the directories of segments."""
    for entity, column in segment_keys(scene.project, scene.sources):
        instead = {value: scene.stand_in(value) for value in scene.held.names.get(column, ())}
        if instead:
            segments_of(scene.project).erase(entity, instead)


def erase_feed(scene: Scene) -> None:
    """Empty her deliveries in the feed's quarantine."""
    reason = WORDS("forget.erased").text("en")
    data.erase_deliveries(quarantine_path(scene.project), scene.mentioned, reason)


def erase_pages(scene: Scene) -> None:
    """Remove drawn pages, and notes of a run's steps, that name her: both are made again when they are asked for."""
    state = scene.project.state
    for path in (*state.glob("*.html"), *(state / "run").glob("*.json")):
        if found_in(path, scene.held.texts):
            path.unlink()
            sync_folder(path.parent)


def erase_lake(scene: Scene) -> None:
    """Erase her rows from every file and version of the lake, and her rejected rows from its quarantine."""
    lake = scene.project.lake()
    lake.erase_unfinished()
    for source in scene.sources:

        def mentioned(text: str, source: data.Source = source) -> bool:
            return data.mentions(text, scene.held.texts, source.delimiter, source.quote)

        if source.name in lake.tables():
            lake.erase(source, erasing(scene.project, source, scene.subject, scene.keys))
        lake.erase_quarantine(source.name, mentioned, WORDS("forget.erased").text("en"))


def erase_live(scene: Scene) -> None:
    """Remove the kept state of live labels; its key is destroyed with hers."""
    path = state_path(scene.project)
    for kept in (path, *path.parent.glob(f".{path.name}.*.tmp")):
        kept.unlink(missing_ok=True)


def erase_keys(scene: Scene) -> None:
    """Destroy her key in a state put aside, where nothing new is written, and what the state table says of her."""
    engine = connect(scene.project.state / "state.db")
    try:
        forget(scene.keys, engine, scene.subject.key)
    finally:
        engine.dispose()


STEPS: Mapping[str, Callable[[Scene], None]] = {
    "replica": erase_replica,
    "labels": erase_labels,
    "segments": erase_segments,
    "feed": erase_feed,
    "pages": erase_pages,
    "lake": erase_lake,
    "live": erase_live,
}
"""What is done in a state folder, in this order, while her key is there: it makes the stand-ins."""


def segment_keys(project: Project, sources: Iterable[data.Source]) -> Iterator[tuple[str, str]]:
    """Entity and column, of every key of labels whose values become stand-ins."""
    for source in sources:
        spec = project.library.streams.get(source.name)
        for entity, column in () if spec is None else spec.keys.items():
            if column in blinded(project, source):
                yield entity.name, column


def left_in(state: Path, texts: frozenset[str]) -> tuple[str, ...]:
    """Files of a state folder that still name her, besides those that are erased or sealed as a whole."""
    bases = [f"{name}.db{log}" for name in ("keys", "state") for log in ("", "-wal", "-shm")]
    known = ("journal", "lake", "ledger", "labels", "forget", *bases)
    found = []
    for path in sorted(state.rglob("*")):
        inside = path.relative_to(state)
        if path.is_file() and inside.parts[0] not in known and found_in(path, texts):
            found.append(str(Path(state.name, inside)))
    return tuple(found)


def found_in(path: Path, texts: frozenset[str]) -> bool:
    """Whether a file holds one of some texts as a word of its own."""
    looked = [text for text in texts if len(text) >= LEFT_CHARACTERS_MIN]
    content = path.read_bytes().decode("utf-8", "replace")
    return any(text in content and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", content) for text in looked)


def _write_frame(frame: pl.DataFrame, path: Path) -> None:
    written = path.with_suffix(".partial")
    frame.write_parquet(written)
    sync_file(written)
    written.replace(path)
    sync_folder(path.parent)


def _bare(url: str) -> str:
    """An address without what it says before the host: that may be a password."""
    return url.rpartition("@")[2]
