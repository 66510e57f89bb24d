"""The live part of `tally run`: the held-back part of history decided event by event, as if it were now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from tallystick.core import Instant, parse_instant
from tallystick.desk.decide import decide_all
from tallystick.desk.flows import Flow
from tallystick.desk.history import feed
from tallystick.desk.house import Desk, Incoming
from tallystick.desk.progress import Progress
from tallystick.desk.project import Project

GROUP = 1000
_FAR = 2**62


class LiveResult(msgspec.Struct, frozen=True):
    """What the live path did: decisions by outcome, facts observed besides, decisions per second of deciding."""

    outcomes: dict[str, int]
    facts: int
    per_second: float | None


def decide_history(project: Project, progress: Progress) -> LiveResult:
    """Feed the lake's facts since the opening through the desk: requests are decided, other facts observed.

    Stops at the end of every flow's live window, or after `limit` decisions. Requests that were answered in an earlier
    run are answered again from the journal, so a run that was stopped goes on where it was; those of a subject that was
    forgotten since are passed over.
    """
    windows = {flow.stream: _window(project, flow) for flow in project.flows.values()}
    left = {stream: limit for stream, (_, _, limit) in windows.items()}
    outcomes: Counter[str] = Counter()
    facts = 0
    with Desk(project) as desk:

        def requests() -> Iterator[Incoming]:
            # A fact that lies between two requests is observed when the second is asked for, after the first was.
            nonlocal facts
            for arrival in feed(project, desk.opening, max(stop for _, stop, _ in windows.values())):
                stream, known_at = arrival.stream, arrival.known_at
                incoming = Incoming(
                    stream, arrival.event, revision=arrival.revision, retract=arrival.retract, clock=known_at
                )
                start, stop, _ = windows.get(stream, (0, 0, 0))
                if arrival.revision or not start <= known_at < stop or not left[stream]:
                    facts += desk.observe(incoming)
                    continue
                left[stream] -= 1
                if not desk.forgotten(incoming):
                    yield incoming
                if not any(left.values()):
                    return

        total = sum(limit for _, _, limit in windows.values() if limit != _FAR)
        started = time.perf_counter()
        for done, answer in enumerate(decide_all(desk, requests(), GROUP), 1):
            outcomes[answer.outcome] += 1
            if done % GROUP == 0:
                progress("decide", done, max(total, done))
        desk.commit()
        seconds = time.perf_counter() - started
    decided = sum(outcomes.values())
    return LiveResult(dict(sorted(outcomes.items())), facts, decided / seconds if decided else None)


def _window(project: Project, flow: Flow) -> tuple[Instant, Instant, int]:
    """From when, until when (not included) and how many events of a flow's stream are decided live."""
    start = parse_instant(flow.live.from_, project.zone) if flow.live.from_ else -_FAR
    stop = parse_instant(flow.live.to, project.zone) if flow.live.to else _FAR
    return start, stop, flow.live.limit or _FAR
