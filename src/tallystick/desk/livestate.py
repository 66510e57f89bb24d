"""The state of live labels at the desk's opening: from a kept state where it holds, else from lake and journal.

`tally labels warm` keeps the state once, and every later start reads it and observes what the journal has recorded
since. A kept state is only a shortcut: one of other labels, another opening or another journal is not taken.

With `settled` under `[state]` in tallystick.toml memory is bounded: what happened longer ago than that is folded.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from tallystick import labels
from tallystick.core import InputError, Instant, Span, StateError, TamperError, content_version
from tallystick.desk.erased import is_erasure
from tallystick.desk.history import Opening, event_of, warm_facts
from tallystick.desk.index import LIVE_STATE
from tallystick.desk.journal import Journal
from tallystick.desk.openlog import open_keys
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS
from tallystick.store import Forgotten, atomic_write, read_bytes

SEMANTICS = 1
_FILE = "labels.state"
_PART_BYTES = 256 << 20
FEW = 100_000
"""Fewer new events than this are not worth folding."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What a state is a state of: `digest` is the SHA-256 of the journal's frame before `position`."""

    key: str
    position: int
    digest: bytes
    last: Instant


class Started(msgspec.Struct, frozen=True):
    """Live labels as they were opened.

    `position` is the journal's position up to which they were taken from a kept state, None when there was none;
    `facts` is how many facts came from the lake, `events` how many from the journal; `last` is the knowledge time of
    the journal's last fact, or the instant before the opening's horizon.
    """

    live: labels.Live
    position: int | None
    facts: int
    events: int
    last: Instant
    seconds: float


class Warmed(msgspec.Struct, frozen=True):
    """A state that was kept: what it was made from, how long that took, and its size."""

    facts: int
    events: int
    position: int
    seconds: float
    bytes: int


class Settling:
    """Keeps the live labels of a desk small: facts that happened longer ago than the project says are folded.

    Again when as many events have come as were left, so that what it costs stays in proportion to what came.

    Parameters
    ----------
    project
        Its `[state] settled` is a span such as "400d"; without it every fact is kept by itself.
    live
        The labels, as they were opened.
    """

    def __init__(self, project: Project, live: labels.Live) -> None:
        self._span, self._live, self._left = settled_span(project), live, live.held

    def fold(self) -> int:
        """Fold when enough has come; gives how many row versions went."""
        if self._span is None or self._live.held < self._left + max(FEW, self._left):
            return 0
        gone = self._live.compact(self._live.known_at - self._span)
        self._left = self._live.held
        return gone


def settled_span(project: Project) -> int | None:
    """How long ago, in microseconds, facts happened that can no longer change, at least the streams' lateness."""
    text = project.settings.state.get("settled")
    if text is None:
        return None
    late = (Span.parse(events.lateness).micros for events in project.library.streams.values())
    return max(Span.parse(text).micros, *late)


def state_path(project: Project) -> Path:
    """Where the state of live labels is kept."""
    return project.state / _FILE


def open_live(project: Project, opening: Opening, journal: Journal) -> Started:
    """Live labels as of the journal's end."""
    began = time.perf_counter()
    found = _read(project, opening, journal)
    if found is not None:
        kept, state = found
        with suppress(InputError, StateError):
            live = project.library.live(state)
            return _follow(project, journal, began, live, 0, kept.last, kept.position)
    return _made(project, opening, journal, began)


def keep_live(project: Project, opening: Opening, journal: Journal, started: Started | None = None) -> Warmed:
    """Keep the state of live labels as lake and journal give it.

    It holds values of every subject, so it is sealed under a key that is destroyed when any subject is forgotten. Where
    a team has several writers, the caller looks afterwards whether somebody was: the key may have gone before.

    Parameters
    ----------
    project, opening, journal
        The open desk's.
    started
        What the desk has opened, with all that the journal holds now; taken as it is when it was made from the lake,
        else made anew.
    """
    began = time.perf_counter()
    opened = 0.0
    if started is None or started.position is not None:
        started = _made(project, opening, journal, began)
    else:
        opened = started.seconds
    position = journal.position
    header = msgspec.msgpack.encode(_Kept(_key(project, opening), position, _digest(journal, position), started.last))
    state = started.live.snapshot()
    with open_keys(project) as keys:
        parts = [
            keys.seal(LIVE_STATE, state[start : start + _PART_BYTES], header + start.to_bytes(8))
            for start in range(0, len(state), _PART_BYTES)
        ]
    data = msgspec.msgpack.encode([header, parts])
    atomic_write(state_path(project), data)
    return Warmed(started.facts, started.events, position, opened + time.perf_counter() - began, len(data))


def _made(project: Project, opening: Opening, journal: Journal, began: float) -> Started:
    """Live labels made from lake and journal, and what is settled of them folded."""
    live, span = project.library.live(), settled_span(project)
    facts = live.warm(warm_facts(project, opening))
    started = _follow(project, journal, began, live, facts, opening.horizon - 1, None)
    if span is not None and live.held:
        live.compact(live.known_at - span)
    return msgspec.structs.replace(started, seconds=time.perf_counter() - began)


def _follow(
    project: Project,
    journal: Journal,
    began: float,
    live: labels.Live,
    facts: int,
    last: Instant,
    position: int | None,
) -> Started:
    """Observe what the journal has recorded from `position` on."""
    events = 0
    for entry in journal.read(kinds=("fact", "decision"), start=position or 0):
        if entry.fact is not None:
            observed = live.observe(event_of(entry.fact), known_at=entry.fact.known_at)
            if observed.reason == "compacted":
                raise StateError(WORDS("live.compacted", stream=entry.fact.stream, given=entry.fact.id))
            last, events = entry.fact.known_at, events + 1
    return Started(live, position, facts, events, last, time.perf_counter() - began)


def _read(project: Project, opening: Opening, journal: Journal) -> tuple[_Kept, bytes] | None:
    """The kept state, when it is whole and of this library, this opening and this journal."""
    path = state_path(project)
    if not path.exists():
        return None
    try:
        header, parts = msgspec.msgpack.decode(read_bytes(path), type=tuple[bytes, list[bytes]])
        kept = msgspec.msgpack.decode(header, type=_Kept)
        if kept.key != _key(project, opening) or kept.position > journal.position:
            return None
        if kept.digest != _digest(journal, kept.position):
            return None
        if any(map(is_erasure, journal.read(kinds=("evidence",), start=kept.position))):
            # A desk of the team kept it when it had not heard yet of who was forgotten. A copy goes with the key.
            path.unlink(missing_ok=True)
            with open_keys(project) as keys:
                keys.destroy(LIVE_STATE)
            return None
        with open_keys(project) as keys:
            state = b"".join(
                keys.open(part, header + (place * _PART_BYTES).to_bytes(8)) for place, part in enumerate(parts)
            )
    except (msgspec.DecodeError, Forgotten, StateError, TamperError):
        return None
    return kept, state


def _key(project: Project, opening: Opening) -> str:
    """What decides the state besides the journal: the labels, the fields they read, and the opening's lake."""
    library = project.library
    streams: dict[str, Any] = {
        stream: [project.sources[stream].version, events.id, events.at, events.sequence, events.lateness]
        for stream, events in library.streams.items()
    }
    content = {"labels": dict(library.versions), "streams": streams, "opening": opening, "engine": labels.SEMANTICS}
    content["settled"] = settled_span(project)
    return content_version("live", content, SEMANTICS)


def _digest(journal: Journal, position: int) -> bytes:
    """The SHA-256 of the frame before a position; of nothing at the beginning."""
    frame = b"".join(frame for _, frame in journal.stored(start=max(position - 1, 0), stop=position))
    return hashlib.sha256(frame).digest()
