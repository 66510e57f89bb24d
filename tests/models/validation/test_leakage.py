"""The leakage detector: what is planted is found by name, and clean data stay silent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tallystick.core import InputError
from tallystick.models.validation import Leak, find_leaks
from tallystick.models.validation.probes import kinship, read, sample_of

ROWS = 3_000


def sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-z)))


def clean(seed: int, rows: int = ROWS, columns: int = 6) -> tuple[pl.DataFrame, np.ndarray]:
    """Honest data: independent and mixed numbers, a text, missing values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    job = rng.choice(["clerk", "driver", "nurse"], rows)
    z = x @ rng.normal(0, 0.6, columns) + np.where(job == "nurse", -0.6, 0.2) - 1.2
    y = (rng.uniform(size=rows) < sigmoid(z)).astype(float)
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(columns)}).with_columns(
        pl.Series("job", job), pl.Series("gaps", np.where(rng.uniform(size=rows) < 0.3, np.nan, x[:, 0])).fill_nan(None)
    )
    return frame, y


def kinds(found: tuple[Leak, ...]) -> list[tuple[str, str]]:
    return [(leak.kind, leak.column) for leak in found]


def noisy_copy(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.uniform(size=y.size) < 0.08, 1 - y, y) + rng.normal(0, 0.05, y.size)


def recovered(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An amount that only some bads ever have."""
    return np.where((y == 1) & (rng.uniform(size=y.size) < 0.3), rng.lognormal(5, 1, y.size), 0.0)


def missing_if_bad(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where((y == 1) & (rng.uniform(size=y.size) < 0.5), np.nan, rng.normal(size=y.size))


def exact_copy(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 3.0 - y * rng.uniform(1, 2, y.size)


@pytest.mark.parametrize("plant", [noisy_copy, recovered, missing_if_bad, exact_copy], ids=lambda f: f.__name__)
def test_a_planted_column_is_named_and_no_other(
    plant: Callable[[np.ndarray, np.random.Generator], np.ndarray],
) -> None:
    frame, y = clean(1)
    leaky = frame.with_columns(pl.Series("planted", plant(y, np.random.default_rng(10))))
    assert [leak.column for leak in find_leaks(leaky, y)] == ["planted"]
    # The other outcome's side is found as well.
    assert [leak.column for leak in find_leaks(leaky, 1 - y)] == ["planted"]


def test_a_sample_with_more_bads_than_goods() -> None:
    """What only bads ever have tells as much where the good ones are the rarer."""
    frame, y = clean(3)
    goods = np.random.default_rng(1).permutation(np.flatnonzero(y == 0.0))[: int(0.85 * y.sum())]
    rows = np.sort(np.concatenate([np.flatnonzero(y == 1.0), goods]))
    frame, y = frame[rows], y[rows]
    assert y.mean() > 0.5
    leaky = frame.with_columns(pl.Series("planted", recovered(y, np.random.default_rng(0))))
    assert find_leaks(frame, y) == ()
    assert kinds(find_leaks(leaky, y)) == [("pure", "planted")]


def test_two_copies_do_not_hide_each_other() -> None:
    """Each is as good as the other, so none is missed alone."""
    frame, y = clean(3)
    rng = np.random.default_rng(0)
    leaky = frame.with_columns(pl.Series("first", noisy_copy(y, rng)))
    leaky = leaky.with_columns((2 * pl.col("first") + 1).alias("second"))
    assert {leak.column for leak in find_leaks(leaky, y)} == {"first", "second"}


def test_a_text_that_tells_the_outcome() -> None:
    frame, y = clean(4)
    status = np.where(y == 1, "written off", np.where(np.arange(ROWS) % 3 == 0, "open", "paid"))
    assert kinds(find_leaks(frame.with_columns(pl.Series("status", status)), y)) == [("pure", "status")]


def test_values_known_after_the_decision() -> None:
    """Declared per label or for the row; in Datetime or int64 µs."""
    frame, y = clean(5)
    t = np.arange(ROWS) * 3_600_000_000 + 1_700_000_000_000_000
    seen = np.where(np.arange(ROWS) % 10 == 0, t + 86_400_000_000, t - 5)
    dated = frame.with_columns(pl.Series("t", t), pl.Series("seen", seen))
    found = find_leaks(dated, y, t="t", known_at={"x1": "seen"})
    assert kinds(found) == [("late", "x1")]
    assert found[0].rows == 300
    instants = dated.with_columns(pl.col("t", "seen").cast(pl.Datetime("us")))
    assert kinds(find_leaks(instants, y, t="t", known_at="seen")) == [("late", "seen")]
    assert find_leaks(dated.drop("seen"), y, t="t") == ()


def test_a_join_that_travels_in_time() -> None:
    """A record's stamp on both sides of t is a leak; planned dates after all decisions and old ones before are none."""
    frame, y = clean(6)
    rng = np.random.default_rng(0)
    t = pl.Series("t", np.arange(ROWS) * 3_600_000_000 + 1_700_000_000_000_000).cast(pl.Datetime("us"))
    day = 86_400_000_000
    gaps = {
        "bureau_at": rng.integers(-30, 10, ROWS),
        "due": rng.integers(20, 40, ROWS),
        "opened": -rng.integers(9, 99, ROWS),
    }
    dates = [(t + pl.Series(gap * day).cast(pl.Duration("us"))).alias(name) for name, gap in gaps.items()]
    assert kinds(find_leaks(frame.with_columns(t, *dates), y, t="t")) == [("travel", "bureau_at")]


@pytest.mark.parametrize("jitter", [0.0, 1e-4])
def test_copies_across_the_split(jitter: float) -> None:
    """A twentieth of the test rows are rows of the development sample, as they are or shaken a little."""
    frame, y = clean(7)
    rng = np.random.default_rng(1)
    test = np.arange(ROWS) >= 2_000
    copied = rng.choice(2_000, 50, replace=False)
    rows = np.arange(ROWS)
    rows[2_000:2_050] = copied
    moved = rows != np.arange(ROWS)
    noise = [pl.col(f"x{i}") + pl.Series(np.where(moved, rng.normal(0, jitter, ROWS), 0.0)) for i in range(6)]
    shaken = frame[rows].with_columns(noise if jitter else [])
    found = find_leaks(shaken, y[rows], split=np.where(test, "test", "train"))
    assert [leak.kind for leak in found] == ["near_duplicates" if jitter else "duplicates"]
    assert found[0].rows >= 40


def test_equal_rows_of_few_values_are_no_copies() -> None:
    """Ten flags make equal rows by the hundred, whose outcomes differ as chance has it."""
    rng = np.random.default_rng(2)
    flags = rng.integers(0, 2, size=(ROWS, 10))
    y = (rng.uniform(size=ROWS) < sigmoid(flags @ rng.normal(0, 0.5, 10) - 1)).astype(float)
    frame = pl.DataFrame({f"f{i}": flags[:, i] for i in range(10)})
    assert find_leaks(frame, y, split=rng.uniform(size=ROWS) < 0.3) == ()
    assert find_leaks(frame, y) == ()


def test_order_and_weights() -> None:
    """Rows sorted by the outcome, and weights that were set by it; honest weights are none."""
    frame, y = clean(8)
    rng = np.random.default_rng(3)
    order = np.argsort(y + rng.normal(0, 0.2, ROWS))
    assert [leak.kind for leak in find_leaks(frame[order], y[order])] == ["order"]
    assert [leak.kind for leak in find_leaks(frame, y, weights=1 + y * rng.uniform(1, 3, ROWS))] == ["weights"]
    assert find_leaks(frame, y, weights=rng.lognormal(0, 1, ROWS)) == ()


def test_what_cannot_be_asked() -> None:
    """Unknown columns, one class, rows without an outcome, columns of other kinds, no column at all."""
    frame, y = clean(9, 400)
    with pytest.raises(InputError, match="colour"):
        find_leaks(frame, y, t="colour")
    with pytest.raises(InputError):
        find_leaks(frame, np.ones(400))
    for wrong in ({"split": np.arange(5)}, {"weights": np.ones(401)}, {"weights": "job"}, {"t": "job"}, {"t": "x0"}):
        with pytest.raises(InputError, match=r"has 5 values|has 401 values|column job holds|column x0 holds"):
            find_leaks(frame, y, **wrong)
    for target in (y[1:], np.where(y == 1, "bad", "good")):
        with pytest.raises(InputError, match="target"):
            find_leaks(frame, target)
    odd = frame.with_columns(pl.Series("lists", [[1]] * 400), pl.lit(None).alias("nothing"), pl.lit(1.0).alias("one"))
    some = np.where(np.arange(400) < 40, np.nan, y)
    assert find_leaks(odd.with_columns(pl.Series("y", some)), "y") == ()
    assert find_leaks(frame.with_columns(pl.lit(float("inf")).alias("endless")), y) == ()
    assert find_leaks(frame.select("x0"), y) == ()
    assert find_leaks(frame[:30], y[:30]) == ()


def test_a_cause_goes_with_the_others_otherwise_than_a_consequence() -> None:
    """Independent causes do not move together; what was made from the outcome does, and only through it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8_000, 4))
    y = (rng.uniform(size=8_000) < sigmoid(x @ np.array([1.5, 1.0, -1.0, 0.5]) - 1)).astype(float)
    made = pl.DataFrame({f"x{i}": x[:, i] for i in range(4)} | {"made": noisy_copy(y, rng)})
    sample = sample_of(made, y, 7)
    *causes, consequence = sample.columns
    ratio, inside = kinship(sample, consequence, read(sample, causes, 7).scores)
    assert ratio == pytest.approx(1.0, abs=0.2)
    assert abs(inside) < 0.08
    assert kinship(sample, causes[0], read(sample, causes[1:], 7).scores) == (0.0, 0.0)


def false_alarms(count: int) -> list[tuple[int, list[tuple[str, str]]]]:
    alarms = []
    for seed in range(count):
        rng = np.random.default_rng(1_000 + seed)
        frame, y = clean(1_000 + seed, int(rng.choice([500, 1_500, 3_000])), int(rng.integers(2, 12)))
        found = find_leaks(frame, y, split=rng.uniform(size=y.size) < 0.3)
        if found:
            alarms.append((seed, kinds(found)))
    return alarms


def test_clean_data_are_silent() -> None:
    assert false_alarms(12) == []


@pytest.mark.soak
def test_clean_data_are_silent_in_a_hundred_sets() -> None:
    """At most one of a hundred honest sets may be suspected."""
    whole = os.environ.get("TALLYSTICK_SOAK") == "1"
    assert len(false_alarms(100 if whole else 1)) <= whole


def bank_marketing(shared: Path) -> tuple[pl.DataFrame, np.ndarray]:
    text = (shared / "data" / "bank_marketing.csv").read_bytes().decode("latin-1").splitlines()[:41_189]
    frame = pl.read_csv("\n".join(text).encode(), separator=";", infer_schema_length=None)
    return frame.drop("y"), (frame["y"] == "yes").to_numpy().astype(float)


@pytest.mark.real
def test_duration_is_named_and_the_rest_of_bank_marketing_is_clean(shared: Path) -> None:
    """From what it does, not from what it is called: the name is no hint."""
    frame, y = bank_marketing(shared)
    split = np.random.default_rng(0).uniform(size=y.size) < 0.3
    (found,) = find_leaks(frame, y, split=split)
    assert (found.kind, found.column, found.hint) == ("lift", "duration", False)
    assert find_leaks(frame.drop("duration"), y, split=split) == ()


@pytest.mark.real
@pytest.mark.parametrize("name", ["german", "taiwan"])
def test_real_data_are_clean_until_something_is_planted(name: str, shared: Path) -> None:
    frame = pl.read_csv(shared / "data" / f"{name}.csv", infer_schema_length=None)
    outcome = frame.columns[-1]
    y = (frame[outcome].cast(pl.String).is_in(["bad", "1"])).to_numpy().astype(float)
    frame = frame.drop(outcome)
    rng = np.random.default_rng(5)
    split = rng.uniform(size=y.size) < 0.3
    assert find_leaks(frame, y, split=split) == ()
    few = rng.permutation(y.size)[:5_000]
    for plant in (noisy_copy, recovered):
        leaky = frame[few].with_columns(pl.Series("planted", plant(y[few], rng)))
        assert [leak.column for leak in find_leaks(leaky, y[few])] == ["planted"]
