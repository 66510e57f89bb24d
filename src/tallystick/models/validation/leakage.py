"""Leaks: columns, rows and weights that know the outcome in a way that no live decision could."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError, Message
from tallystick.models.frames import Columns, Floats, as_frame, as_target
from tallystick.models.validation.probes import (
    Column,
    Reading,
    Sample,
    alone,
    atoms,
    kinship,
    read,
    removed,
    sample_of,
)
from tallystick.models.validation.travel import late_rows, travellers
from tallystick.models.validation.twins import Twins, find_twins
from tallystick.models.validation.words import WORDS

Kind = Literal["late", "travel", "near_perfect", "lift", "pure", "duplicates", "near_duplicates", "order", "weights"]

NEAR_PERFECT = 0.95
"""The AUC of one column from which it is too good, unless the others know the same."""
_LIFT, _LIFT_MADE = 0.5, 0.3
_GOOD, _GOOD_MADE = 0.90, 0.80
_OTHERS = (0.58, 0.88)
_CAUSE = 0.2
_PEELS = 8
_DEEP, _NO_MORE = 0.24, 0.4
_PEEL_ABOVE = 0.78
_PURE, _PURE_SHARE, _PURE_EVENTS, _PURE_EXPECTED = 0.98, 0.05, 20, 0.7
_WEIGHTS = 0.75
_HINTS = ("outcome", "result", "after", "post", "recover", "collect", "charge_off", "chargeoff", "write_off", "closed")


class Leak(msgspec.Struct, frozen=True):
    """One leak.

    Attributes
    ----------
    kind
        "late": known after t, as declared; "travel": instants later than t; "near_perfect", "lift", "pure": a column
        that tells the outcome alone, beside all others, or for some of its values; "duplicates", "near_duplicates":
        rows on both sides of the split; "order", "weights": the place or the weight of a row tells the outcome.
    column
        Its name; "" where rows leak.
    value
        What was measured: AUC, share of the remaining error removed, event rate, or share of the rows.
    rows
        How many rows show it.
    why
        One sentence with the figures.
    hint
        Whether the name, too, speaks of what comes after a decision; it never decides.
    """

    kind: Kind
    column: str
    value: float
    rows: int
    why: Message
    hint: bool = False


def find_leaks(
    frame: Columns,
    target: str | Any,
    *,
    t: str | None = None,
    known_at: str | Mapping[str, str] | None = None,
    split: str | Any = None,
    weights: str | Any = None,
    ignore: Collection[str] = (),
    seed: int = 7,
) -> tuple[Leak, ...]:
    """Find leaks of the outcome in training data.

    Parameters
    ----------
    frame
        A column for each label; other columns are probed too unless `ignore` names them.
    target
        The outcome's column (0 or 1, true is bad; rows without one are left out), or its values.
    t
        Column with the instant of each decision, a Datetime or int64 µs.
    known_at
        Column with the instant from which a row's values could be known, or label → such a column.
    split
        Column (or values) that says to which sample a row belongs; the commonest value is the development sample.
    weights
        Column or values of the weights, unless they were drawn by outcome on purpose.
    ignore
        Columns that are no input: ids, other outcomes.
    seed
        Of the folds and of the sample: at most 20,000 rows are probed; time and duplicates are checked on all.

    Returns
    -------
    tuple of Leak
        The columns by name, then what is wrong with rows; empty when nothing was found.

    Raises
    ------
    InputError
        When a named column is absent, values are not of the rows' number or of another type, or the outcome does not
        hold 0 and 1, both.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=1000)
    >>> bad = (x + rng.normal(size=1000) > 1).astype(float)
    >>> find_leaks({"x": x}, bad)
    ()
    >>> [leak.column for leak in find_leaks({"x": x, "dunned": bad * rng.uniform(1, 2, 1000)}, bad)]
    ['dunned']

    Notes
    -----
    Kaufman, Rosset and Perlich, Leakage in data mining, KDD 2011. What a column knows cannot prove by itself when
    it was known: a leak named here is to be explained or taken out, and a leak that tells little stays unseen.
    """
    table = as_frame(frame)
    own = _named(table, (target, t, split, weights), known_at)
    outcome = _numbers(_values("target", target, table))
    known = outcome.is_not_null() & ~outcome.is_nan().fill_null(True)
    y = as_target(outcome.filter(known), int(known.sum()))
    held = table.filter(known)
    sides = None if split is None else _values("split", split, table).filter(known)
    weighed = None if weights is None else _numbers(_values("weights", weights, table)).filter(known)
    inputs = held.drop([name for name in held.columns if name in own or name in ignore or _unreadable(held[name])])
    found = [_late(name, rows, held.height) for name, rows in late_rows(held, t, known_at)]
    told = {leak.column for leak in found}
    if t is not None:
        inputs, travelled = travellers(inputs, held.get_column(t))
        found += [_travel(name, rows, held.height) for name, rows in travelled if name not in told]
    found += _columns(inputs, y, seed) + _rows(inputs, y, weighed, seed)
    found += [_twin(twin) for twin in find_twins(inputs, y, sides, seed)]
    return tuple(_once(found))


def _named(table: pl.DataFrame, given: Iterable[Any], known_at: str | Mapping[str, str] | None) -> set[str]:
    """The columns that are named as no input; each of them, and each that `known_at` speaks of, is in the table."""
    maps = known_at if isinstance(known_at, Mapping) else {}
    own = {name for name in (*given, known_at) if isinstance(name, str)} | set(maps.values())
    for name in (*own, *maps):
        if name not in table.columns:
            raise InputError(WORDS("leak.column", name=name, given=", ".join(table.columns)))
    return own


def _values(name: str, given: Any, table: pl.DataFrame) -> pl.Series:
    """A column by its name, or values for every row."""
    if isinstance(given, str):
        return table.get_column(given)
    values = given if isinstance(given, pl.Series) else pl.Series(name, np.asarray(given))
    if values.len() != table.height:
        raise InputError(WORDS("leak.rows", name=name, given=values.len(), rows=table.height))
    return values


def _numbers(values: pl.Series) -> pl.Series:
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise InputError(WORDS("leak.type", name=values.name, given=str(values.dtype), allowed="0, 1, 2.5, …"))
    return values.cast(pl.Float64)


def _unreadable(column: pl.Series) -> bool:
    kind = column.dtype
    return not (kind.is_numeric() or kind.is_temporal() or kind in (pl.Boolean, pl.String, pl.Categorical, pl.Enum))


def _once(found: list[Leak]) -> list[Leak]:
    """A column is named once, by the first and strongest finding."""
    seen: set[str] = set()
    kept = []
    for leak in sorted(found, key=lambda leak: not leak.column):
        if leak.column not in seen or not leak.column:
            kept.append(leak)
            seen.add(leak.column)
    return sorted(kept, key=lambda leak: (not leak.column, leak.column))


def _hint(name: str) -> bool:
    return any(part in name.lower() for part in _HINTS)


def _late(name: str, rows: int, height: int) -> Leak:
    share = rows / height
    return Leak(
        "late", name, share, rows, WORDS("leak.late", column=name, rows=rows, share=f"{share:.1%}"), _hint(name)
    )


def _travel(name: str, rows: int, height: int) -> Leak:
    share = rows / height
    words = WORDS("leak.travel", column=name, rows=rows, share=f"{share:.1%}")
    return Leak("travel", name, share, rows, words, _hint(name))


def _twin(twin: Twins) -> Leak:
    words = WORDS(f"leak.{twin.kind}", share=f"{twin.share:.1%}", rows=twin.rows)
    return Leak(twin.kind, "", twin.share, twin.rows, words)


def _columns(inputs: pl.DataFrame, y: Floats, seed: int) -> list[Leak]:
    """Columns that know too much: pure values, then what the peeling of the strongest columns brings to light."""
    sample = sample_of(inputs, y, seed)
    if min(sample.y.sum(), sample.y.size - sample.y.sum()) < _PURE_EVENTS:
        return []
    columns = sample.columns
    single = {column.name: alone(sample, column) for column in columns}
    whole = read(sample, columns, seed)
    found = [leak for column in columns if (leak := _pure(sample, column, columns, seed)) is not None]
    for suspects, rest, reading in _peeled(sample, columns, whole, seed):
        for suspect in suspects:
            leak = _judge(sample, suspect, rest, reading, single[suspect.name], seed)
            if leak is not None:
                found.append(leak)
    return found


def _peeled(
    sample: Sample, columns: tuple[Column, ...], whole: Reading, seed: int
) -> list[tuple[list[Column], list[Column], Reading]]:
    """Take away the strongest column again and again, and find where the AUC falls far and then no more.

    Where honest columns share the work, each fall is about as deep as the next. A leak ends with its own: all that went
    before the last deep fall may leak together, as copies do, of which none is missed while another is left.
    """
    left, now = list(columns), whole
    gone: list[Column] = []
    falls: list[float] = []
    states = []
    while left and len(falls) < _PEELS and (now.auc >= _PEEL_ABOVE or (falls and falls[-1] >= _DEEP)):
        gone.append(left.pop(int(np.argmax(now.gain))))
        then = read(sample, left, seed)
        falls.append(removed(then.auc, now.auc))
        states.append((list(gone), list(left), then))
        now = then
    deep = [
        states[i]
        for i, fall in enumerate(falls)
        if fall >= _DEEP and (i + 1 == len(falls) or falls[i + 1] <= _NO_MORE * fall)
    ]
    return deep[:1]


def _judge(
    sample: Sample, column: Column, rest: list[Column], without: Reading, single: float, seed: int
) -> Leak | None:
    given = read(sample, [*rest, column], seed)
    share = removed(without.auc, given.auc)
    name, rows = column.name, int(sample.y.size)
    figures = {"column": name, "alone": f"{single:.3f}", "without": f"{without.auc:.3f}", "given": f"{given.auc:.3f}"}
    if single >= NEAR_PERFECT and share >= _LIFT:
        return Leak("near_perfect", name, single, rows, WORDS("leak.near_perfect", **figures), _hint(name))
    if not _OTHERS[0] <= without.auc <= _OTHERS[1]:
        return None
    ratio, inside = kinship(sample, column, without.scores)
    made = 0.5 <= ratio <= 1.5 and abs(inside) <= 0.05 + 2.0 / rows**0.5
    least, good = (_LIFT_MADE, _GOOD_MADE) if made else (_LIFT, _GOOD)
    if ratio < _CAUSE or share < least or given.auc < good:
        return None
    words = WORDS("leak.made" if made else "leak.lift", share=f"{share:.0%}", **figures)
    return Leak("lift", name, share, rows, words, _hint(name))


def _pure(sample: Sample, column: Column, columns: tuple[Column, ...], seed: int) -> Leak | None:
    """One value, or all but one, for which nearly every row has one outcome though the others expect it not."""
    for outcome in (1.0, 0.0):
        hits = sample.y == outcome
        total = int(hits.sum())
        for inside in atoms(column):
            hit, size = int((hits & inside).sum()), int(inside.sum())
            if size == 0 or hit < max(_PURE_EVENTS, _PURE_SHARE * total) or hit / size < _PURE:
                continue
            others = read(sample, [other for other in columns if other.name != column.name], seed)
            # The trees' log-odds of a sample are calibrated enough to say whether the others expect this outcome too.
            chance = 1.0 / (1.0 + np.exp(-others.scores[inside]))
            expected = float((chance if outcome else 1.0 - chance).mean())
            if expected <= _PURE_EXPECTED:
                words = WORDS(
                    "leak.pure",
                    column=column.name,
                    rows=size,
                    rate=f"{hit / size:.1%}",
                    share=f"{hit / total:.0%}",
                    expected=f"{expected:.0%}",
                )
                return Leak("pure", column.name, hit / size, size, words, _hint(column.name))
    return None


def _rows(inputs: pl.DataFrame, y: Floats, weights: pl.Series | None, seed: int) -> list[Leak]:
    """Whether the place of a row, or its weight, tells the outcome."""
    found = []
    place = pl.DataFrame({"order": np.arange(y.size, dtype=np.float64)})
    sample = sample_of(inputs.with_columns(place.get_column("order").alias("\0order")), y, seed)
    order = next(column for column in sample.columns if column.name == "\0order")
    single = alone(sample, order)
    if single >= 0.7:
        rest = [column for column in sample.columns if column is not order]
        without, given = read(sample, rest, seed), read(sample, [*rest, order], seed)
        share = removed(without.auc, given.auc)
        if share >= _LIFT and given.auc >= _GOOD:
            words = WORDS("leak.order", alone=f"{single:.3f}", without=f"{without.auc:.3f}", given=f"{given.auc:.3f}")
            found.append(Leak("order", "", share, int(y.size), words))
    if weights is not None:
        weighed = sample_of(weights.alias("weights").to_frame(), y, seed)
        value = alone(weighed, weighed.columns[0])
        if value >= _WEIGHTS:
            found.append(Leak("weights", "", value, int(y.size), WORDS("leak.weights", auc=f"{value:.3f}")))
    return found
