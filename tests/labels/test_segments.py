"""Segments: the members are those that the labels say, sets behave as sets, and what was served stays."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap, FrozenBitMap

from tallystick.core import DefinitionError, InputError, StateError
from tallystick.labels import Entity, Events, Library, integer, money
from tallystick.labels.segments import Members, Segments, define, overlap
from tallystick.labels.segments.directory import Directory

CUSTOMER, SHOP = Entity("customer"), Entity("shop")
VISITS = Events(
    "visits",
    id="id",
    at="at",
    keys={CUSTOMER: "who", SHOP: "shop"},
    fields={"amount": money("EUR"), "points": integer()},
)
LIBRARY = Library(
    {
        "visits_all": VISITS.per(CUSTOMER).count().over("lifetime"),
        "spend": VISITS.per(CUSTOMER).sum("amount").over("lifetime"),
        "mean_spend": VISITS.per(CUSTOMER).mean("amount").over("lifetime"),
        "shop_visits": VISITS.per(SHOP).count().over("lifetime"),
    },
    {"visits": VISITS},
)
FACTS = {
    "visits": pl.DataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "at": [10, 20, 30, 40, 50],
            "known_at": [10, 20, 30, 90, 50],
            "who": ["a", "a", "b", "c", "b"],
            "shop": ["s"] * 5,
            "amount": [100, 200, 5000, 700, 100],
            "points": [1] * 5,
        }
    )
}
KEYS = ["d", "c", "b", "a"]


@pytest.fixture
def store(tmp_path: Path) -> Segments:
    return Segments(tmp_path / "segments")


def build(store: Segments, name: str, condition: str, t: int, k: int | None = None, keys: list[str] = KEYS) -> Members:
    return store.build(LIBRARY, define(LIBRARY, name, "customer", condition), keys, t, k, FACTS)


def test_members_are_those_for_whom_the_condition_is_true(store: Segments) -> None:
    """By t = 60 a spent 3.00, b 51.00 and d nothing; c's payment is not known yet. A missing mean is no answer."""
    rich = build(store, "rich", "spend > 10", 60)
    assert list(rich.keys()) == ["b"]
    assert "b" in rich
    assert "a" not in rich
    assert "nobody" not in rich
    assert 7 not in rich
    mean = build(store, "mean", "mean_spend > 1", 60)
    assert mean.build is not None
    assert (list(mean.keys()), mean.build.asked, mean.build.missing) == (["a", "b"], 4, 2)
    later = build(store, "rich", "spend > 1", 60, 95)
    assert later.frame().to_dict(as_series=False) == {"customer": ["a", "b", "c"]}


def test_a_segment_is_as_of(store: Segments) -> None:
    """The build for the latest point up to (t, k) answers; a later one does not change it."""
    build(store, "active", "visits_all > 0", 15)
    build(store, "active", "visits_all > 0", 35)
    build(store, "active", "visits_all > 0", 60, 95)
    again = Segments(store.folder)
    for t, k, members in ((15, 15, ["a"]), (34, 99, ["a"]), (35, 35, ["a", "b"]), (94, 94, ["a", "b"])):
        assert list(again.at("active", t, k).keys()) == members
    assert list(again.at("active", 60, 95).keys()) == ["a", "b", "c"]
    assert again.latest("active") == again.at("active", 60, 95)
    with pytest.raises(InputError, match="no build for t ≤"):
        again.at("active", 14)


def test_a_new_meaning_is_a_new_version(store: Segments) -> None:
    first = build(store, "big", "spend > 10", 60).build
    second = build(store, "big", "spend > 1", 60).build
    assert first is not None
    assert second is not None
    assert first.segment.version != second.segment.version
    assert list(store.at("big", 60).keys()) == ["a", "b"]
    assert list(store.at("big", 60, version=first.segment.version).keys()) == ["b"]
    assert [b.number for b in store.builds("big")] == [0, 1]
    with pytest.raises(InputError, match="no version 'ffff'"):
        store.at("big", 60, version="ffff")


def test_what_was_served_stays(store: Segments) -> None:
    """The same build writes nothing; another answer for the same point is refused."""
    build(store, "rich", "spend > 10", 60)
    before = {path: path.read_bytes() for path in store.folder.rglob("*.*")}
    build(store, "rich", "spend > 10", 60, keys=[*KEYS, "a"])
    assert {path: path.read_bytes() for path in store.folder.rglob("*.*")} == before
    with pytest.raises(StateError, match="allowed: a later k"):
        build(store, "rich", "spend > 10", 60, keys=[*KEYS, "e"])
    changed = {"visits": FACTS["visits"].with_columns(amount=pl.lit(9999))}
    with pytest.raises(StateError, match="1 / 4 then, 2 / 4 now"):
        store.build(LIBRARY, define(LIBRARY, "rich", "customer", "spend > 10"), KEYS, 60, facts=changed)


def test_not_is_among_the_keys_known_then(store: Segments) -> None:
    """A key that came later, or is known for a later k, is not in the complement."""
    late = build(store, "late", "visits_all > 0", 60, 95, ["a", "b", "c", "e"])
    early = build(store, "early", "visits_all > 0", 35, keys=["a", "b", "d"])
    assert list((~early).keys()) == ["d"]
    assert list((~late).keys()) == ["e"]
    assert sorted((~(early & late)).keys()) == ["c", "d", "e"]
    assert list((~store.at("early", 35)).keys()) == ["d"]
    build(store, "later", "visits_all > 0", 35, keys=["a", "b", "d", "f"])
    assert list((~store.at("early", 35)).keys()) == ["d"]


SETS = st.sets(st.integers(0, 300))


@given(left=SETS, right=SETS, known=SETS, count=st.integers(0, 310))
def test_sets_are_sets(
    left: set[int], right: set[int], known: set[int], count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Algebra, sizes, overlap and limits as Python's own sets give them."""
    directory = Directory(tmp_path_factory.mktemp("keys"), "customer")
    directory.register(pl.Series(range(301)), 0)
    every = FrozenBitMap(BitMap(left | right | known))
    a, b = Members(directory, FrozenBitMap(left), every), Members(directory, FrozenBitMap(right), every)
    assert set((a & b).keys()) == left & right
    assert set((a | b).keys()) == left | right
    assert set((a - b).keys()) == left - right
    assert set((~a).keys()) == (left | right | known) - left
    assert ~(a & b) == ~a | ~b
    assert list(a.limit(count).keys()) == sorted(left)[:count]
    both, either = len(left & right), len(left | right)
    found = overlap(a, b)
    assert (found.left, found.right, found.both, found.either) == (len(left), len(right), both, either)
    assert found.jaccard == (both / either if either else 0.0)
    smaller, larger = a.sample(count, "x"), a.sample(count + 5, "x")
    assert smaller.size == min(count, len(left))
    assert set(smaller.keys()) <= set(larger.keys()) <= left


def test_another_salt_draws_others(tmp_path: Path) -> None:
    directory = Directory(tmp_path, "customer")
    directory.register(pl.Series(range(10_000)), 0)
    every = directory.known(0)
    one, other = (Members(directory, every, every).sample(1000, salt) for salt in ("a", "b"))
    assert one == Members(directory, every, every).sample(1000, "a")
    # A thousand of ten thousand, twice: about a hundred are in both.
    assert 60 < overlap(one, other).both < 150


def test_a_directory_keeps_its_numbers(tmp_path: Path) -> None:
    """Numbers are by order of registration, then of key; text or whole numbers, never both."""
    directory = Directory(tmp_path, "customer")
    assert directory.register(pl.Series(["m", "b", "m"]), 5).tolist() == [1, 0, 1]
    assert directory.register(pl.Series(["a", "b"]), 9).tolist() == [2, 0]
    beside = Directory(tmp_path, "customer")
    assert directory.register(pl.Series(["z"]), 3).tolist() == [3]
    beside.refresh()
    assert beside.numbers(pl.Series(["z", "q", "b"])).to_list() == [3, None, 0]
    assert [len(beside.known(k)) for k in (2, 3, 5, 9)] == [0, 1, 3, 4]
    assert len(list(tmp_path.iterdir())) == 3
    directory.register(pl.Series(["b"]), 20)
    assert len(list(tmp_path.iterdir())) == 3
    for keys in (pl.Series([1]), pl.Series(["a", None]), pl.Series([1.5])):
        with pytest.raises(InputError, match="allowed: String"):
            directory.register(keys, 1)
    assert Directory(tmp_path / "ids", "card").register(pl.Series([7, -3], dtype=pl.Int32), 0).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "entity", "condition", "match"),
    [
        ("no name", "customer", "spend > 1", "cannot name"),
        ("x", "card", "spend > 1", "no entity .* allowed: customer, shop"),
        ("x", "customer", "spent > 1", "'spent' is no label; nearest: spend"),
        ("x", "customer", "spend >", "cannot be read"),
        ("x", "customer", "1 > 0", "reads no label"),
        ("x", "customer", "shop_visits > 1", "'shop_visits' is of shop; allowed: labels of customer alone"),
    ],
)
def test_a_faulty_definition_is_refused(name: str, entity: str, condition: str, match: str) -> None:
    with pytest.raises(DefinitionError, match=match):
        define(LIBRARY, name, entity, condition)


def test_faults_of_a_build_are_shown(store: Segments) -> None:
    with pytest.raises(InputError, match="no segment 'rich' is built here; built: -"):
        store.latest("rich")
    with pytest.raises(InputError, match=r"gives 3\.00; allowed: true, false or null"):
        build(store, "rich", "spend", 60)
    assert store.names() == ()
    rich = build(store, "rich", "spend > 10", 60)
    shops = store.build(LIBRARY, define(LIBRARY, "shops", "shop", "shop_visits > 1"), ["s"], 60, facts=FACTS)
    for mixed in (lambda: rich & shops, lambda: overlap(rich, shops)):
        with pytest.raises(InputError, match="number other keys"):
            mixed()
    with pytest.raises(InputError, match="is built on customer"):
        store.build(LIBRARY, define(LIBRARY, "rich", "shop", "shop_visits > 1"), ["s"], 61, facts=FACTS)
    with pytest.raises(InputError, match="-1 members"):
        rich.limit(-1)
    other = Library({"spend": VISITS.per(CUSTOMER).sum("amount").over("1d")}, {"visits": VISITS})
    with pytest.raises(InputError, match="of version"):
        store.build(other, define(LIBRARY, "rich", "customer", "spend > 10"), KEYS, 70, facts=FACTS)


def test_a_touched_file_is_named(store: Segments) -> None:
    build(store, "rich", "spend > 10", 60)
    path = store.folder / "built/rich/000000.segment"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StateError, match=r"000000\.segment: .* cannot be read"):
        Segments(store.folder).latest("rich")
    data[-1] ^= 1
    path.write_bytes(data)
    keys = store.folder / "keys/customer/000000.keys"
    keys.write_bytes(b"\x00")
    with pytest.raises(StateError, match=r"000000\.keys: .* cannot be read"):
        Segments(store.folder).latest("rich")


def _hold(folder: Path, ready: object, done: object) -> None:
    with Segments(folder)._lock():
        ready.set()  # type: ignore[attr-defined]
        done.wait()  # type: ignore[attr-defined]


def test_one_process_builds_at_a_time(store: Segments) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    holder = spawn.Process(target=_hold, args=(store.folder, ready, done))
    holder.start()
    assert ready.wait(60)
    with pytest.raises(StateError, match="another process builds"):
        build(store, "rich", "spend > 10", 60)
    done.set()
    holder.join()
    assert build(store, "rich", "spend > 10", 60).size == 1


@pytest.mark.parametrize(("keys", "instead"), [(["b", "a", "c"], {"b": "~9", "x": "~8"}), ([7, 3, 9], {7: -5, 8: -6})])
def test_an_erased_key_keeps_its_number_and_loses_its_name(
    tmp_path: Path, keys: list[str | int], instead: dict[str | int, str | int]
) -> None:
    """Members stay as many; nobody finds the key by its name; registered again it is somebody new."""
    store = Segments(tmp_path)
    directory = store.directory("customer")
    numbers = directory.register(pl.Series(keys), 10)
    assert store.erase("customer", instead) == 1
    assert store.erase("shop", instead) == 0
    gone, name = keys[0], instead[keys[0]]
    for seen in (store.directory("customer"), Directory(tmp_path / "keys" / "customer", "customer")):
        assert list(seen.keys(numbers)) == [name, *keys[1:]]
        assert seen.numbers(pl.Series([gone])).to_list() == [None]
    assert store.erase("customer", instead) == 0
    assert directory.register(pl.Series([gone]), 20).tolist() == [3]
