"""One file: the same model gives the same bytes, any other byte is refused, and a forged table is not opened."""

from __future__ import annotations

import hashlib
import math
import os
import struct
import warnings
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.conftest import lender
from tests.models.serving.make import LABELS, RATING, TERMS, build

from tallystick.core import InputError, StateError, TallystickError, TamperError
from tallystick.models import Calibration, Model, container, load
from tallystick.models.container import SUFFIX, read_card, read_file, version_of, write_file
from tallystick.models.serving import KIND, SEMANTICS, Stack
from tallystick.models.serving.arrays import arrays_of

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"


@pytest.fixture(scope="module")
def model() -> Model:
    parts = {"card": ("usage", "late"), "trees": ("usage", "salary", "job")}
    return build(lender(600, 5), parts=parts, rounds=3, rating=RATING, terms=TERMS, specials={"late": (0,)})


@pytest.fixture(scope="module")
def stored(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / f"lender{SUFFIX}"
    model.with_card({"owner": "risk", "说明": [1, None, 0.1]}).save(path)
    return path


def refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        load(path)
    except TamperError:
        return True
    return False


def test_what_is_loaded_is_what_was_saved(model: Model, stored: Path, newcomers: pl.DataFrame, tmp_path: Path) -> None:
    """Definition, arrays, card, version and every answer; and the bytes of the file when it is saved again."""
    again = load(stored)
    assert again.definition == model.definition
    assert again.card == read_card(stored) == {"owner": "risk", "说明": [1, None, 0.1]}
    assert again.version == again.with_card(again.card).version != model.version
    assert again.score_columns(newcomers).equals(model.score_columns(newcomers))
    assert again.explain_columns(newcomers).equals(model.explain_columns(newcomers))
    row = newcomers.row(0, named=True)
    assert again.score(row) == model.score(row)
    named = tmp_path / f"{again.version}{SUFFIX}"
    assert again.save(named) == again.version
    assert named.read_bytes() == stored.read_bytes()
    assert load(named).version == again.version


def test_the_file_is_a_zip_of_json_and_npy(stored: Path) -> None:
    """Other tools read it: entries are stored as they are, with one fixed time, arrays in NumPy's own format."""
    with zipfile.ZipFile(stored) as opened:
        assert opened.testzip() is None
        assert opened.namelist()[:2] == ["definition.json", "card.json"]
        assert {entry.compress_type for entry in opened.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        arrays = read_file(stored).arrays
        for name in opened.namelist()[2:]:
            with opened.open(name) as entry:
                assert np.array_equal(np.load(entry, allow_pickle=False), arrays[name.removesuffix(".npy")])


def test_any_other_byte_is_refused(stored: Path, tmp_path: Path) -> None:
    """Every byte in turn (each 23rd outside the soak), every cut, and bytes in front and behind."""
    whole, path = stored.read_bytes(), tmp_path / "model"
    step = 1 if SOAK else 23
    for place in range(0, len(whole), step):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        assert refused(path, bytes(changed)), place
    for cut in range(0, len(whole), 97 * step):
        assert refused(path, whole[:cut]), cut
    assert refused(path, whole + b"\0")
    assert refused(path, b"\0" + whole)
    assert refused(path, whole * 2)


def test_any_other_byte_of_the_card_is_refused(stored: Path, tmp_path: Path) -> None:
    """A list reads the card alone; what was changed in it is seen there too."""
    whole, path = stored.read_bytes(), tmp_path / "model"
    place = whole.index(b'"risk"')
    path.write_bytes(whole[:place] + b'"rosk"' + whole[place + 6 :])
    with pytest.raises(TamperError):
        read_card(path)
    path.write_bytes(whole[:40])
    with pytest.raises(TamperError):
        read_card(path)


@settings(max_examples=200 if not SOAK else 20_000, deadline=None)
@given(st.integers(0, 2**32))
def test_random_damage_never_opens_nor_crashes(stored: Path, seed: int) -> None:
    """Blocks moved, repeated, zeroed and taken out; lengths overwritten: an error of ours or nothing else."""
    rng, whole = Random(seed), bytearray(stored.read_bytes())
    before = bytes(whole)
    for _ in range(rng.randint(1, 4)):
        a, b = sorted(rng.randrange(len(whole) + 1) for _ in "ab")
        kind = rng.randrange(5)
        if kind == 0:
            del whole[a : min(b, a + 64)]
        elif kind == 1:
            whole[b:b] = whole[a : a + 64]
        elif kind == 2:
            whole[a : a + 8] = b"\0" * len(whole[a : a + 8])
        elif kind == 3:
            at = whole.find(b"PK", a)
            if at >= 0:
                offset = at + rng.choice([14, 18, 22, 26, 28, 42])
                whole[offset : offset + 4] = struct.pack("<I", rng.choice([0, 1, 2**31, 2**32 - 1]))
        else:
            digits = [i for i in range(200, len(whole)) if 48 <= whole[i] <= 57]
            whole[rng.choice(digits)] = rng.choice(b"0123456789e-.")
    path = stored.with_name("damaged")
    assert bytes(whole) == before or refused(path, bytes(whole))


@pytest.mark.parametrize("names", [["card.json"] * 2, ["../../evil"], ["/etc/passwd"], ["definition.json"] * 2])
def test_entries_of_another_zip_are_refused(names: list[str], stored: Path, tmp_path: Path) -> None:
    """Duplicates and paths that lead out, though every checksum of the ZIP is right."""
    path = tmp_path / "model"
    path.write_bytes(stored.read_bytes())
    with zipfile.ZipFile(path, "a") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            opened.writestr(name, b"{}")
    with pytest.raises(TamperError):
        load(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]


def test_a_huge_declared_size_is_refused_before_it_is_read(stored: Path, tmp_path: Path) -> None:
    """An array of 2^40 numbers, a shape that overflows, a negative one: all refused by their size alone."""
    whole, path = stored.read_bytes(), tmp_path / "model"
    head = msgspec.json.decode(whole[45 : 45 + int.from_bytes(whole[22:26], "little")])
    name = next(iter(head["arrays"]))
    for shape in ([2**40], [2**32, 2**32], [-1], [2**63], ["9"], [], [1, 1, 1], [1.5]):
        head["arrays"][name]["shape"] = shape
        text = msgspec.json.format(msgspec.json.encode(head), indent=1)
        assert refused(path, b"".join(container._zip([("definition.json", text)])))
    deep = b"[" * 200_000 + b"]" * 200_000
    assert refused(path, b"".join(container._zip([("definition.json", deep)])))


def test_a_file_too_large_is_neither_written_nor_read(
    model: Model, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "LARGEST_BYTES", 1_000)
    with pytest.raises(InputError, match="at most 1000 bytes"):
        model.save(tmp_path / "model")
    with pytest.raises(TamperError, match="more than 1000 bytes"):
        load(stored)


def forge(model: Model, path: Path, arrays: dict[str, Any] | None = None, **changes: Any) -> None:
    """A file whose checksums and version are right, though its content is not."""
    definition = msgspec.to_builtins(msgspec.structs.replace(model.definition, **changes))
    held = arrays_of(model.definition, model.forests, model.backgrounds)
    write_file(path, KIND, SEMANTICS, definition, {**held, **(arrays or {})}, {})


def forged_definitions(model: Model) -> dict[str, dict[str, Any]]:
    """Definitions that no training gives, by what is wrong with them."""
    d, branch = model.definition, model.definition.branches[""]
    card, replace = branch.parts[0].card, msgspec.structs.replace
    assert card is not None
    usage = card.variables[0]

    def of(**changes: Any) -> dict[str, Any]:
        return {"branches": {"": replace(branch, **changes)}}

    def of_card(**changes: Any) -> dict[str, Any]:
        return of(parts=(replace(branch.parts[0], card=replace(card, **changes)), branch.parts[1]))

    def of_usage(**changes: Any) -> dict[str, Any]:
        return of_card(variables=(replace(usage, **changes), *card.variables[1:]))

    trees = branch.parts[1]
    steps = Calibration("isotonic", cuts=(0.0,), pds=(0.1, 0.2))
    return {
        "no features": {"features": ()},
        "a feature twice": {"features": (d.features[0], *d.features[:-1])},
        "ranks short": {"features": (*d.features[:3], replace(d.features[3], ranks=(0,)), *d.features[4:])},
        "no branch for the rest": {"branches": {"x": branch}},
        "a branch without a route": {"branches": {"": branch, "x": branch}},
        "no parts": of(parts=(), stack=Stack(0.0, {})),
        "a weight for nobody": of(stack=Stack(0.0, {"card": 0.5, "other": 0.5})),
        "a reserved name": of(
            parts=(replace(branch.parts[0], name="stack"), trees), stack=Stack(0.0, {"stack": 0.5, "trees": 0.5})
        ),
        "an endless weight": of(stack=Stack(0.0, {"card": 1e300, "trees": 0.5})),
        "a baseline short": of(baseline=branch.baseline[:-1]),
        "an endless baseline": of(baseline=(1.7e308,) * len(LABELS)),
        "typical values short": of(typical=branch.typical[:-1]),
        "a falling calibration": of(calibration=Calibration("platt", 0.0, -1.0)),
        "steps without cuts": of(calibration=replace(steps, cuts=())),
        "cuts that fall": of(calibration=replace(steps, cuts=(1.0, 0.0), pds=(0.1, 0.2, 0.3))),
        "a sure loss": of(calibration=replace(steps, pds=(0.1, 1.0))),
        "reads beyond": of(parts=(replace(branch.parts[0], reads=(0, 6)), trees)),
        "reads backwards": of(parts=(replace(branch.parts[0], reads=(1, 0)), trees)),
        "reads below": of(parts=(replace(branch.parts[0], reads=(-1, 0)), trees)),
        "a card of trees": of(parts=(replace(branch.parts[0], kind="trees"), trees)),
        "points short": of_card(points=(card.points[0][:-1], *card.points[1:])),
        "too many points": of_card(points=((10**12,) * usage.size, *card.points[1:])),
        "a table short": of_card(points=card.points[:1]),
        "endless odds": of_card(scale=replace(card.scale, pdo=1e12)),
        "edges that fall": of_usage(edges=tuple(reversed(usage.edges))),
        "an edge too many": of_usage(edges=(*usage.edges, 9.0)),
        "another label": of_usage(feature=d.features[1]),
        "terms without a scale": {"rating": None},
        "terms of other grades": {"terms": replace(TERMS, multiples=(1.0,), caps=(1,), prices_bps=(1,))},
        "an endless scale": {"scale": replace(d.scale, base_score=1e12)},
    }


def test_a_forged_definition_is_not_opened(model: Model, tmp_path: Path) -> None:
    """Its hash is right and its tables are not: refused before any kernel reads them."""
    path = tmp_path / "model"
    forge(model, path)
    assert load(path).definition == model.definition
    for what, changes in forged_definitions(model).items():
        forge(model, path, **changes)
        assert refused(path, path.read_bytes()), what


def test_forged_arrays_are_not_opened(model: Model, tmp_path: Path) -> None:
    """Indices beyond their targets, NaN and infinities, other types and lengths, arrays too few or too many."""
    path, held = tmp_path / "model", arrays_of(model.definition, model.forests, model.backgrounds)
    for name, array in held.items():
        wrong = [array[:-1], array.astype(np.float32), np.append(array, array[-1:])]
        wrong += [
            np.full_like(array, bad) for bad in ((math.nan, 1e308) if array.dtype.kind == "f" else (2**40, -(2**40)))
        ]
        for forged in wrong:
            if name.endswith("threshold") and forged.dtype == array.dtype and np.all(np.isfinite(forged)):
                continue
            forge(model, path, {name: forged})
            assert refused(path, path.read_bytes()), f"{name} {forged}"
    forge(model, path, {"b0.p1.forest.more": np.ones(1)})
    with pytest.raises(TamperError):
        load(path)
    write_file(path, KIND, SEMANTICS, model.definition, {}, {})
    with pytest.raises(TamperError):
        load(path)


def test_a_definition_says_only_what_it_means(model: Model, tmp_path: Path) -> None:
    """Keys that no release reads, and another way of writing the same, are refused."""
    path = tmp_path / "model"
    held = arrays_of(model.definition, model.forests, model.backgrounds)
    definition = msgspec.to_builtins(model.definition)
    for changed in ({**definition, "more": 1}, {key: definition[key] for key in reversed(definition)}):
        write_file(path, KIND, SEMANTICS, changed, held, {})
        with pytest.raises(TamperError):
            load(path)


def test_another_meaning_and_another_kind_are_told(model: Model, stored: Path, tmp_path: Path) -> None:
    """An older folder, an older number, a kind unknown, nothing at all: a clear error that is not of tampering."""
    path = tmp_path / "model"
    write_file(path, KIND, SEMANTICS - 1, model.definition, {}, {})
    with pytest.raises(StateError, match=f"meaning {SEMANTICS - 1}; this release knows {SEMANTICS}"):
        load(path)
    write_file(path, "tea leaves", 1, {}, {}, {})
    with pytest.raises(StateError, match="kind 'tea leaves'; allowed: model"):
        load(path)
    with pytest.raises(StateError, match="no model is stored here"):
        load(tmp_path / "nothing")
    older = tmp_path / ("0" * 64)
    older.mkdir()
    (older / "model.json").write_text("{}")
    with pytest.raises(StateError, match="older release"):
        load(older)
    renamed = tmp_path / f"{'0' * 64}{SUFFIX}"
    assert refused(renamed, stored.read_bytes())


def test_equal_models_give_equal_files_and_versions(tmp_path: Path) -> None:
    """The order of arrays and of card keys, memory order and byte order do not matter; values, types and shapes do."""
    table = np.arange(6.0).reshape(2, 3)
    same: list[tuple[dict[str, Any], dict[str, Any]]] = [({"a": table, "b": np.arange(3)}, {"x": 1, "y": 2})]
    same.append(({"b": np.arange(3)[::-1][::-1], "a": np.asfortranarray(table)}, {"y": 2, "x": 1}))
    same.append(({"a": table.astype(">f8"), "b": np.arange(3)}, {"x": 1, "y": 2}))
    digests = set()
    for place, (arrays, card) in enumerate(same):
        write_file(tmp_path / str(place), "kind", 1, {"k": (1, 2.0)}, arrays, card)
        digests.add(hashlib.sha256((tmp_path / str(place)).read_bytes()).hexdigest())
    assert len(digests) == 1
    versions = {version_of("kind", 1, {"k": [1, 2.0]}, *pair) for pair in same}
    assert len(versions) == 1
    others: list[dict[str, Any]] = [{"a": table.T, "b": np.arange(3)}, {"a": table.astype("f4"), "b": np.arange(3)}]
    for arrays in (*others, {"a": table}):
        versions.add(version_of("kind", 1, {"k": (1, 2.0)}, arrays, {"x": 1, "y": 2}))
    assert len(versions) == 4


@pytest.mark.parametrize(
    "arrays",
    [{"../a": np.ones(1)}, {"A": np.ones(1)}, {"a": np.ones((1, 1, 1))}, {"a": np.array(["x"])}, {"a": np.array(1.0)}],
)
def test_what_no_file_holds_is_not_written(arrays: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_file(tmp_path / "model", "kind", 1, {}, arrays, {})
    with pytest.raises(TallystickError):
        write_file(tmp_path / "model", "kind", 1, {"x": math.nan}, {}, {})
    assert not list(tmp_path.iterdir())
