"""A live executor that is compacted now and then answers as one that keeps every fact, in bounded memory."""

from __future__ import annotations

import os
from random import Random
from typing import Any, TypeAlias

import msgspec
import pytest
from tests.labels import logs, worlds
from tests.labels.compare import vector_bits
from tests.labels.oracle import DAY, HOUR, Asked

from tallystick.core import InputError, StateError
from tallystick.labels import Entity, Events, Library, Live, money, text
from tallystick.labels.algebra import ALGEBRA

Asking: TypeAlias = tuple[dict[str, Any], int, int | None, tuple[str, str] | None]
"""Keys, t, k and own event of a point."""
SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
DAYS = 200
"""The streams' facts come up to 30 days late, so most of these can be folded."""
ENDLESS = [(kind, window) for kind in ALGEBRA for window in ("lifetime", "events", "session")]
BESIDE = [(kind, window) for kind in ALGEBRA for window in ("span", "day")]
PARTS = 12 if SOAK else 3
WORLDS = 40 if SOAK else 1


def asked(random: Random, pairs: list[tuple[str, str]]) -> dict[str, Asked]:
    """A label for each aggregate and window; what decays does so within hours, as else all would be kept."""
    found = worlds.asked(random, pairs)
    for name, one in found.items():
        if one.kind == "decayed":
            found[name] = msgspec.structs.replace(one, param=min(one.param, 3 * HOUR + 1))
    return found


def facts(random: Random, size: int, settled: bool) -> list[dict[str, Any]]:
    """Facts in known order: late ones, ties, duplicates, revisions and retractions; within a day, if `settled`."""
    found = []
    for i in range(size):
        stream = random.choice(["payments"] * 4 + ["accounts", "moves"])
        of = worlds.STREAMS[stream]
        at = logs.STARTS[0] + random.randrange(DAYS * 6) * 4 * HOUR + random.choice([0, 0, 0, 1])
        known = at + random.choice([0, 0, 0, 1, HOUR, 29 * DAY])
        for revision in range(random.choice([1, 1, 1, 2, 3])):
            row = logs.facts_like(random, stream, i, {of.at: at, of.id: f"{stream}{i}"})
            if settled or random.random() < 0.8:
                row[of.at] = at
            fact = {"stream": stream, **row, "revision": revision, "known_at": known}
            fact |= {"retract": revision > 0 and random.random() < 0.3}
            found += [fact] * random.choice([1, 1, 1, 1, 2])
            known += random.choice([0, 1, HOUR] if settled else [1, HOUR, 5 * DAY, 60 * DAY])
    found.sort(key=lambda fact: fact["known_at"])
    return found


def answers(live: Live, points: list[Asking]) -> list[Any]:
    return [vector_bits(live.now(keys, t, k=k, own=own)) for keys, t, k, own in points]


def points(random: Random, event: dict[str, Any], before: int, known: int) -> list[Asking]:
    """Free points from a compaction on, and the own point of an event that was just observed."""
    found: list[Asking] = []
    for _ in range(3):
        keys = {"card": random.choice("abc"), "terminal": random.choice("xyz"), "customer": random.choice("uvw")}
        t = before + random.choice([0, 1, random.randrange(known - before + 1), known - before, 40 * DAY])
        found.append((keys, t, random.choice([None, before + random.randrange(known - before + 1)]), None))
    of = worlds.STREAMS[event["stream"]]
    if event[of.at] >= before:
        keys = {"card": "a", "terminal": "x", "customer": "u"}
        keys |= {entity: event[key] for entity, key in of.keys.items()}
        found.append((keys, event[of.at], event["known_at"], (of.name, event[of.id])))
    return found


def rows_held(live: Live) -> dict[tuple[str, str], int]:
    """(stream, entity) → how many row versions its arena has."""
    return {
        (stream, entity): int(arena.dump()[1].sum())
        for stream, book in live._books.items()
        for entity, arena in book.arenas.items()
    }


def take(live: Live, event: dict[str, Any]) -> str:
    """Observe an event: the reason why it counts nowhere, "settled" where it would change what was folded."""
    try:
        return live.observe(event).reason
    except InputError as error:
        return str(error.message.code).removeprefix("labels.")


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("settled", [True, False])
def test_what_was_folded_still_counts(part: int, settled: bool) -> None:
    """Every aggregate over lifetimes, latest events and sessions, beside finite windows: the same bits later."""
    compared = folded = 0
    for world in range(WORLDS):
        random = Random(f"{part}/{world}/{settled}")
        mine = ENDLESS[(part + world) % PARTS :: PARTS] + random.sample(BESIDE, 4)
        labels = asked(random, mine)
        library = worlds.library(labels)
        whole, small = library.live(), library.live()
        before = None
        log = facts(random, 220, settled)
        for i, event in enumerate(log):
            reason = take(small, event)
            if reason in ("compacted", "settled"):
                # Only what happened long before, or is said of something that did.
                assert before is not None
                assert not settled
                of = worlds.STREAMS[event["stream"]]
                assert event[of.at] < before - 30 * DAY or event["revision"] > 0
                continue
            assert whole.observe(event).reason == reason
            if i % 40 == 39:
                # Facts that are known at one instant may still come.
                earlier = random.choice([1, 1, HOUR, 5 * DAY])
                before = max(before or 0, whole.known_at - earlier)
                folded += small.compact(before)
                if random.random() < 0.5:
                    small = library.live(small.snapshot())
            if before is not None and random.random() < 0.3:
                asked_at = points(random, event, before, whole.known_at)
                for one, other, point in zip(answers(small, asked_at), answers(whole, asked_at), asked_at, strict=True):
                    for name, bits in other.items():
                        assert one[name] == bits, (part, world, labels.get(name), point)
                        compared += 1
    assert compared > 1_000 * WORLDS
    assert folded > 100 * WORLDS


card = Entity("card")
spends = Events(
    "spends", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR"), "shop": text()}, lateness="1d"
)
PER = spends.per(card)
WRITTEN = {
    "count": PER.count().over("lifetime"),
    "shops": PER.distinct("shop", cap=4).over("lifetime"),
    "median": PER.quantile("amount", "0.5", cap=8).over("lifetime"),
    "largest": PER.max("amount").over("lifetime"),
    "trend": PER.slope("amount").over("lifetime"),
    "lately": PER.sequence("amount", 3).over("4 events"),
    "visit": PER.count().over("session 1h"),
    "week": PER.sum("amount").over("7d"),
}


def spend(i: int, at: int, **changes: Any) -> dict[str, Any]:
    return {"stream": "spends", "id": f"s{i}", "at": at, "card": "a", "amount": i % 97, "shop": f"m{i % 13}"} | changes


def test_memory_stays_as_it_was_however_long_the_stream() -> None:
    """Rows, events and bases of a key after twenty weeks are as many as after ten, and so is the state in bytes."""
    library = Library(WRITTEN, {"spends": spends})
    live, whole = library.live(), library.live()
    held, bytes_kept = [], []
    for week in range(20):
        for i in range(1_000):
            one = spend(1_000 * week + i, week * 7 * DAY + i * DAY // 150)
            assert live.observe(one) == whole.observe(one)
        live.compact(live.known_at)
        held.append((live.held, rows_held(live)["spends", "card"]))
        bytes_kept.append(len(live.snapshot()))
    assert max(held[10:]) == max(held[1:10])
    assert max(bytes_kept[10:]) < 1.05 * max(bytes_kept[1:10])
    assert whole.held == 20_000
    t = live.known_at
    assert vector_bits(live.now({"card": "a"}, t)) == vector_bits(whole.now({"card": "a"}, t))
    assert live.now({"card": "a"}, t).approximate == {"shops", "median"}


def test_what_is_settled_cannot_change() -> None:
    """A revision or retraction of a folded fact is refused by name, and nothing of it is taken in."""
    library = Library(WRITTEN, {"spends": spends})
    live = library.live()
    for i in range(40):
        live.observe(spend(i, i * DAY))
    # Of the first 32 facts four stay for the latest events.
    assert live.compact(39 * DAY) == 28
    assert (live.knows("spends", "s27"), live.knows("spends", "s28")) == (False, True)
    before = live.snapshot()
    for one in (
        spend(3, 3 * DAY, revision=1, amount=5, known_at=39 * DAY),
        spend(3, 3 * DAY, revision=1, retract=True, known_at=39 * DAY),
        # Its row stays for the latest events; in the lifetime it is folded.
        spend(28, 28 * DAY, revision=1, amount=5, known_at=39 * DAY),
        # Nor may another fact be moved there.
        spend(38, 3 * DAY, revision=1, known_at=39 * DAY),
        # It is folded and forgotten, yet cannot come back at a later instant.
        spend(3, 38 * DAY, revision=1, known_at=39 * DAY),
    ):
        with pytest.raises(InputError, match=f"revision 1 of {one['id']} of stream spends .* until {31 * DAY}"):
            live.observe(one)
        with pytest.raises(InputError, match="settled"):
            live.now({"card": "a"}, 39 * DAY, one)
    assert live.observe(spend(3, 3 * DAY)).reason == "compacted"
    assert live.observe(spend(28, 28 * DAY)).accepted
    assert live.snapshot() == before
    assert live.observe(spend(38, 38 * DAY, revision=1, retract=True, known_at=39 * DAY)).accepted
    assert live.now({"card": "a"}, 39 * DAY)["count"] == 39


def test_facts_in_another_order_still_count_after_a_fold() -> None:
    """A revision before the first one, a fact as late as its stream allows, a delivery again: as without a fold."""
    library = Library(WRITTEN, {"spends": spends})
    live, whole = library.live(), library.live()
    for i in range(40):
        assert live.observe(spend(i, i * DAY)) == whole.observe(spend(i, i * DAY))
    live.compact(39 * DAY)
    live = library.live(live.snapshot())
    known = 40 * DAY
    after = [
        spend(50, 39 * DAY + HOUR, revision=1, amount=7, known_at=known + 2),
        spend(50, 39 * DAY + HOUR, known_at=known + 1),
        spend(51, 39 * DAY + HOUR, revision=2, retract=True, known_at=known + 5),
        spend(51, 39 * DAY + HOUR, revision=1, amount=9, known_at=known + 4),
        spend(51, 39 * DAY + HOUR, known_at=known + 3),
        # As late as may be, before facts that lie there, and changed at once.
        spend(52, 39 * DAY, known_at=known),
        spend(52, 39 * DAY, revision=1, amount=3, shop="m99", known_at=known + 6),
        spend(38, 38 * DAY, revision=1, amount=1, known_at=known + 7),
        spend(38, 38 * DAY, known_at=38 * DAY),
        # Of the latest events the fact is still there, and known to be the same.
        spend(30, 30 * DAY),
    ]
    for i, one in enumerate(after):
        assert live.observe(one) == whole.observe(one)
        for t in (39 * DAY, 39 * DAY + HOUR, known + i):
            for k in (known, known + i, None):
                found, expected = (each.now({"card": "a"}, t, k=k) for each in (live, whole))
                assert vector_bits(found) == vector_bits(expected)
    assert live.now({"card": "a"}, known)["count"] == 42
    # Its content is gone, so whether it is the same cannot be known: it is said, and nothing changes.
    assert live.observe(spend(3, 3 * DAY)).reason == "compacted"
    with pytest.raises(InputError, match="revision 1 of s3 of stream spends"):
        live.observe(spend(3, 3 * DAY, revision=1, known_at=known + 20))
    with pytest.raises(InputError, match="revision 1 of s30 of stream spends"):
        live.observe(spend(30, 30 * DAY, revision=1, amount=5, known_at=known + 20))


def test_a_key_with_much_behind_it_and_much_since() -> None:
    """Derived words on top of a base, over rows enough for cursors, with late facts in between: the same bits."""
    labels = {
        f"{name}_{window.split()[0]}": aggregate.over(window)
        for window in ("lifetime", "2d", "5 events")
        for name, aggregate in {
            "count": PER.count(where="amount > 0.30"),
            "sum": PER.sum("amount"),
            "skew": PER.skew("amount"),
            "slope": PER.slope("amount"),
            "range": PER.range("amount"),
            "min": PER.min("amount"),
            "max": PER.max("amount"),
            "shops": PER.distinct("shop"),
            "few": PER.distinct("shop", where="amount > 0.30", cap=9),
            "first": PER.first("amount"),
            "nth": PER.nth("amount", 7),
            "gap": PER.gap("mean"),
            "since": PER.since_last(),
            "never": PER.sum("amount", where="amount < 0"),
        }.items()
    }
    library = Library(labels, {"spends": spends})
    live, whole = library.live(), library.live()
    random = Random(7)
    compared = before = 0
    for i in range(400):
        at = i * 2 * HOUR
        late = random.choice([0, 0, 0, 20 * HOUR])
        one = spend(
            i, max(0, at - late), known_at=at, amount=random.randrange(97), shop=f"m{random.randrange(12 + i // 9)}"
        )
        assert live.observe(one) == whole.observe(one)
        if i in (150, 151, 300):
            before = at
            live.compact(before)
        if i > 151:
            for t, k in ((at, None), (at + DAY, at), (max(at - DAY, before), None)):
                found, expected = (vector_bits(each.now({"card": "a"}, t, k=k)) for each in (live, whole))
                assert found == expected
                compared += len(found)
    assert rows_held(live)["spends", "card"] < 150
    assert compared > 20_000


def test_other_labels_do_not_answer_from_a_base_that_lacks_what_they_need() -> None:
    """Another aggregate, more of the latest, a longer session: a state that was folded without them is refused."""
    library = Library(WRITTEN, {"spends": spends})
    live = library.live()
    for i in range(40):
        live.observe(spend(i, i * DAY))
    whole = live.snapshot()
    live.compact(39 * DAY)
    state = live.snapshot()
    assert library.live(state).now({"card": "a"}, 39 * DAY) == live.now({"card": "a"}, 39 * DAY)
    for other in (
        {"least": PER.first("amount").over("lifetime")},
        {"lately": PER.sequence("amount", 3).over("5 events")},
        {"visit": PER.count().over("session 2h")},
        {"median": PER.quantile("amount", "0.5").over("lifetime")},
        {"since": PER.count().after(PER.first_at().over("lifetime"))},
    ):
        library = Library(WRITTEN | other, {"spends": spends})
        with pytest.raises(StateError, match="compacted"):
            library.live(state)
        assert library.live(whole).held == 40


def test_an_idle_key_vanishes_when_its_session_is_over() -> None:
    """A lifetime that is forgotten after some time is a session of that gap: nothing but the name of the key stays."""
    library = Library(
        {"count": PER.count().over("session 30d"), "last": PER.last("amount").over("session 30d")}, {"spends": spends}
    )
    live = library.live()
    for i in range(100):
        live.observe(spend(i, i * DAY, card="idle" if i < 20 else "busy"))
    live.compact(60 * DAY)
    assert live._books["spends"].arenas["card"].slots.keys() == {"busy"}
    found = live.now({"card": "idle"}, 99 * DAY)
    assert (found["count"], found.missing) == (0, {"last": "expired"})
    live.observe(spend(100, 100 * DAY, card="idle"))
    assert live.now({"card": "idle"}, 100 * DAY).values == {"count": 1, "last": 3}
    assert live.now({"card": "busy"}, 100 * DAY)["count"] == 80


def test_what_hangs_on_an_anchor_keeps_its_facts() -> None:
    """A window after or before a life event may begin anywhere: such an entity's facts stay, and can be revised."""
    late = PER.count().after(PER.last_at(where="amount > 0.90").over("lifetime"))
    library = Library(WRITTEN | {"late": late}, {"spends": spends})
    live = library.live()
    for i in range(40):
        live.observe(spend(i, i * DAY))
    assert live.compact(39 * DAY) == 0
    assert live.observe(spend(3, 3 * DAY, revision=1, amount=95, known_at=39 * DAY)).accepted
    assert live.now({"card": "a"}, 39 * DAY)["late"] == 36
