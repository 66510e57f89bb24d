"""Which labels could have read some facts: never too few, and by key not too many."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest
from tests.labels import logs, worlds

from tallystick.labels import Entity, Events, Library
from tallystick.labels.reading import Traces

FAR = 2**62


@pytest.mark.parametrize("seed", range(8))
def test_a_label_that_moves_without_some_events_could_have_read_them(seed: int) -> None:
    """Random labels, links, anchors and joined columns among them: take events out, and see which values move."""
    random = Random(seed)
    library = worlds.library(worlds.asked(random, random.sample(worlds.PAIRS, 40)))
    log = logs.facts(random, 120)
    whole = logs.frames(log)
    stream = random.choice(["payments", "payments", "accounts", "moves"])
    spec = library.streams[stream]
    ids = whole[stream][spec.id].unique().sort().to_list()
    gone = pl.col(spec.id).is_in(random.sample(ids, min(2, len(ids))))
    traces = Traces(library, {stream: whole[stream].filter(gone)})
    left = {**whole, stream: whole[stream].filter(~gone)}
    asked = [point | {"stream": None, "id": None} for point in logs.points(random, log, 60)]
    asked = [point | {"k": point["t"] if point["k"] is None else point["k"]} for point in asked]
    points = pl.DataFrame(asked, schema_overrides={"stream": pl.String, "id": pl.String})
    before, after = library.at(points, facts=whole), library.at(points, facts=left)
    moved = untouched = 0
    for row, point in enumerate(asked):
        keys = {entity: point[entity] for entity in library.entities}
        for name in library.labels:
            could = traces.touch(name, keys, point["t"], point["k"])
            untouched += not could
            if any(before[name + end][row] != after[name + end][row] for end in ("", "__missing")):
                both_nan = before[name][row] != before[name][row] and after[name][row] != after[name][row]
                assert could or both_nan, (name, point)
                moved += 1
    assert untouched
    if stream == "payments":
        assert moved


def test_key_window_and_instant_decide() -> None:
    """Another key, a fact before the window, one after the point, one not yet known: none of them is read."""
    card = Entity("card")
    payments = Events("payments", id="id", at="at", keys={card: "card"})
    library = Library({"number": payments.per(card).count().over("1d")}, {"payments": payments})
    day = 86_400_000_000
    frame = pl.DataFrame({"id": ["p"], "at": [100 * day], "known_at": [102 * day], "card": ["~1"]})
    traces = Traces(library, {"payments": frame})
    assert traces
    assert not Traces(library, {"payments": frame.clear()})
    assert traces.touch("number", {"card": "~1"}, 100 * day, FAR)
    assert not traces.touch("number", {"card": "a"}, 100 * day, FAR)
    assert not traces.touch("number", {"card": None}, 100 * day, FAR)
    assert not traces.touch("number", {"card": "~1"}, 99 * day, FAR)
    assert not traces.touch("number", {"card": "~1"}, 102 * day, FAR)
    assert not traces.touch("number", {"card": "~1"}, 100 * day, 101 * day)
