"""The live part of `tally run`: the held-back part of history decided event by event, as if it were now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from tallystick.core import parse_instant
from tallystick.desk.decide import decide_all
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
    run are answered again from the journal, so a run that was stopped goes on where it was.
    """
    stops = {
        flow.stream: (parse_instant(flow.live.to, project.zone) if flow.live.to else _FAR, flow.live.limit or _FAR)
        for flow in project.flows.values()
    }
    outcomes: Counter[str] = Counter()
    facts = 0
    with Desk(project) as desk:

        def requests() -> Iterator[Incoming]:
            # A fact that lies between two requests is observed when the second is asked for, after the first was.
            nonlocal facts
            left = {stream: limit for stream, (_, limit) in stops.items()}
            for arrival in feed(project, desk.opening, max(until for until, _ in stops.values())):
                event = {name: value for name, value in arrival.event.items() if name != "stream"}
                stream = arrival.event["stream"]
                incoming = Incoming(stream, event, revision=arrival.revision, clock=arrival.known_at)
                if stream not in left or arrival.revision:
                    facts += desk.observe(incoming)
                elif left[stream] == 0:
                    return
                else:
                    left[stream] -= 1
                    yield incoming

        total = sum(limit for _, limit in stops.values() if limit != _FAR)
        started = time.perf_counter()
        for done, answer in enumerate(decide_all(desk, requests(), GROUP), 1):
            outcomes[answer.outcome] += 1
            if done % GROUP == 0:
                progress("decide", done, max(total, done))
        desk.commit()
        seconds = time.perf_counter() - started
    decided = sum(outcomes.values())
    return LiveResult(dict(sorted(outcomes.items())), facts, decided / seconds if decided else None)
