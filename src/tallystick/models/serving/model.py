"""A model that serves: one way of adding up scores a row and a million rows with the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl

from tallystick.models.filed import Filed
from tallystick.models.frames import DataError, Floats, Ints, encode, encode_value
from tallystick.models.portfolio import Offer
from tallystick.models.serving.arrays import Array, arrays_of
from tallystick.models.serving.definition import KIND, SEMANTICS, Contribution, Definition, Score
from tallystick.models.serving.kernels import RESULTS, clip, explain_row, score_row
from tallystick.models.serving.texts import Texts
from tallystick.models.serving.ways import Way, lay_out
from tallystick.models.serving.words import WORDS
from tallystick.models.trees import Background, Forest
from tallystick.models.words import WORDS as SHARED

_BLOCK = 262_144
_PLAIN = frozenset({float, int, bool, type(None)})
_FIXED = len(RESULTS)


class Model(Filed[Definition]):
    """A trained model, ready to score.

    Parameters
    ----------
    definition
        Features, branches, scale, rating, terms.
    forests
        The trees of each part that is trees, by (branch, part).
    backgrounds
        What their reasons are told from; without them a branch with trees gives no reasons.
    card
        Its model card: a JSON object that is stored and versioned with it.
    version
        Its content version, when it is known; else it is made when first asked for.

    Attributes
    ----------
    name
        Of the model.
    labels
        What a row must hold: the features in order, then a label that only routes, then one that only offers hang on.

    Examples
    --------
    See `tallystick.models.load`.
    """

    kind = KIND
    semantics = SEMANTICS

    def __init__(
        self,
        definition: Definition,
        forests: Mapping[tuple[str, str], Forest] | None = None,
        backgrounds: Mapping[tuple[str, str], Background] | None = None,
        card: Mapping[str, Any] | None = None,
        version: str = "",
    ) -> None:
        self.definition = definition
        self.forests = dict(forests or {})
        self.backgrounds = dict(backgrounds or {})
        self.card: Mapping[str, Any] = {} if card is None else card
        self.name = definition.name
        if version:
            self.version = version
        features = definition.features
        names = [feature.name for feature in features]
        base = definition.terms.base if definition.terms else ""
        self.labels = tuple(dict.fromkeys([*names, *filter(None, (definition.route, base))]))
        self._route, self._base = (self.labels.index(name) if name else -1 for name in (definition.route, base))
        self._take = itemgetter(*self.labels) if len(self.labels) > 1 else _single(self.labels[0])
        self._ranks = [
            None if f.categories is None else dict(zip(f.categories, map(float, f.ranks), strict=True))
            for f in features
        ]
        self._texts = [
            (place, ranks, np.nan if feature.other is None else float(feature.other))
            for place, (feature, ranks) in enumerate(zip(features, self._ranks, strict=True))
            if ranks is not None
        ]
        self._ways: dict[str, Way] = {}
        self._words: dict[str, Texts] = {}
        for key, branch in definition.branches.items():
            forests_here = {part: forest for (own, part), forest in self.forests.items() if own == key}
            means = {part: background for (own, part), background in self.backgrounds.items() if own == key}
            self._ways[key] = lay_out(branch, features, definition.scale, forests_here, means)
            self._words[key] = Texts(branch, features)

    @property
    def baseline_points(self) -> int:
        """The points of a row of the branch "" in which every label stands at its baseline."""
        return self._ways[""].baseline_points

    def with_card(self, card: Mapping[str, Any]) -> Model:
        """The same model with another card, and so another version."""
        return Model(self.definition, self.forests, self.backgrounds, card)

    def _arrays(self) -> dict[str, Array]:
        return arrays_of(self.definition, self.forests, self.backgrounds)

    def branch_of(self, row: Mapping[str, Any]) -> str:
        """The branch that scores a row."""
        if self._route < 0:
            return ""
        key = _segment(row[self.definition.route], self.definition.route)
        return key if key in self._ways else ""

    def score(self, row: Mapping[str, Any], *, reasons: bool = True) -> Score:
        """Score one row.

        Parameters
        ----------
        row
            A value, or None, for each of `labels`; other keys are ignored.
        reasons
            False leaves `Score.reasons` empty, which spares what explaining many trees takes.

        Raises
        ------
        InputError
            When a label is absent, or is text where a number is expected, or the other way round.
        """
        try:
            values = self._take(row)
        except KeyError:
            name = next(name for name in self.labels if name not in row)
            raise DataError(SHARED("score.absent", name=name, needed=", ".join(self.labels))) from None
        key = self.branch_of(row)
        way = self._ways[key]
        x = self._encoded(values)
        parts, width = len(way.keys), x.size
        out = np.zeros(_FIXED + parts + width)
        whole = np.zeros(2 + parts + 3 * width, dtype=np.int64)
        if way.trees:
            clip(x)
            way.ask_trees(x, out, reasons)
        if reasons and way.explains:
            explain_row(x, way.numbers, way.places, out, whole)
        else:
            score_row(x, way.numbers, way.places, out, whole)
        found, said = out[: _FIXED + parts].tolist(), whole.tolist()
        raw: dict[str, float | int] = {"log_odds": found[1], "stack_log_odds": found[2]}
        for place, (points_key, odds_key) in enumerate(way.keys, 1):
            if points_key:
                raw[points_key] = said[place]
            raw[odds_key] = found[2 + place]
        texts, labels = self._words[key], self.labels
        lost, bins = 1 + parts, 1 + parts + width
        last = bins + width
        told = tuple(
            [
                Contribution(labels[p], said[lost + p], texts.of(p, said[bins + p], x), values[p])
                for p in said[last + 1 : last + 1 + said[last]]
            ]
        )
        if self.definition.rating is None:
            return Score(found[0], said[0], raw, told)
        return Score(found[0], said[0], raw, told, *self._rated(found[0], values))

    def _encoded(self, values: tuple[Any, ...]) -> Floats:
        """The features of a row as float64, by the rules of `encode_value`; infinities may stay what they are."""
        given = list(values[: len(self._ranks)])
        for place, ranks, other in self._texts:
            if type(given[place]) is str:
                given[place] = ranks.get(given[place], other)
            elif given[place] is not None:
                return self._slowly(values)
        if _PLAIN.issuperset(map(type, given)):
            try:
                return np.array(given, dtype=np.float64)
            except OverflowError:
                return self._slowly(values)
        return self._slowly(values)

    def _slowly(self, values: tuple[Any, ...]) -> Floats:
        pairs = zip(values, self.definition.features, self._ranks, strict=False)
        return np.array([encode_value(value, feature, ranks) for value, feature, ranks in pairs])

    def _rated(self, pd: float, values: tuple[Any, ...]) -> tuple[str, Offer | None]:
        rating, terms = self.definition.rating, self.definition.terms
        assert rating is not None
        index = rating.index(pd)
        if terms is None:
            return rating.grades[index], None
        base = values[self._base] if terms.base else None
        if base is not None and (isinstance(base, bool) or not isinstance(base, int | np.integer)):
            raise DataError(WORDS("score.base", name=terms.base, given=type(base).__name__))
        return rating.grades[index], terms.offer(index, None if base is None else int(base))

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row of `frame`, in order, with the bits of `score`.

        Parameters
        ----------
        frame
            A column for each of `labels`; nulls are missing; other columns are ignored.

        Returns
        -------
        polars.DataFrame
            `pd` Float64, `points` Int64, with a master scale `rating`, with terms `limit_minor` and `price_bps`, and
            the keys of `Score.raw`, null where a row's branch has no such part.
        """
        self._hold(frame)
        blocks = [self._block(frame.slice(start, _BLOCK)) for start in range(0, max(frame.height, 1), _BLOCK)]
        return pl.concat(blocks)

    def explain_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The whole points that each label cost every row of `frame`: a column for each feature, a gain is negative.

        Raises
        ------
        InputError
            When the model has no baseline.
        """
        self._hold(frame)
        if not all(way.explains for way in self._ways.values()):
            raise DataError(WORDS("score.unexplained", name=self.name))
        names = self.labels[: len(self.definition.features)]
        blocks = []
        for start in range(0, max(frame.height, 1), _BLOCK):
            part = frame.slice(start, _BLOCK)
            matrix = encode(part, self.definition.features)
            lost = np.empty(matrix.shape, dtype=np.int64)
            for way, rows in self._routed(part):
                lost[rows] = way.lost(matrix[rows])
            blocks.append(pl.DataFrame({name: np.ascontiguousarray(lost[:, i]) for i, name in enumerate(names)}))
        return pl.concat(blocks)

    def _hold(self, frame: pl.DataFrame) -> None:
        for name in self.labels:
            if name not in frame.columns:
                raise DataError(SHARED("frame.column", name=name, given=", ".join(frame.columns)))

    def branches_of(self, frame: pl.DataFrame) -> list[str]:
        """The branch that scores each row of `frame`."""
        if self._route < 0:
            return [""] * frame.height
        keys = _segments(frame.get_column(self.definition.route))
        return keys.replace_strict(list(self._ways), list(self._ways), default="", return_dtype=pl.String).to_list()

    def _routed(self, frame: pl.DataFrame) -> Iterator[tuple[Way, Any]]:
        """Each branch that has rows, and which rows."""
        if self._route < 0:
            yield self._ways[""], slice(None)
            return
        chosen = np.array(self.branches_of(frame), dtype=object)
        for key, way in self._ways.items():
            rows = np.flatnonzero(chosen == key)
            if rows.size:
                yield way, rows

    def _block(self, frame: pl.DataFrame) -> pl.DataFrame:
        matrix = encode(frame, self.definition.features)
        columns = _Columns(frame.height)
        for way in self._ways.values():
            columns.open(way)
        for way, rows in self._routed(frame):
            columns.fill(way, rows, *way.run(matrix[rows]))
        return columns.frame(self._rated_columns(columns.floats["pd"], frame))

    def _rated_columns(self, pds: Floats, frame: pl.DataFrame) -> list[pl.Series]:
        rating, terms = self.definition.rating, self.definition.terms
        if rating is None:
            return []
        indices = rating.indices(pds)
        grades = [pl.Series("rating", rating.grades, dtype=pl.String).gather(indices)]
        if terms is None:
            return grades
        base = frame.get_column(terms.base) if terms.base else None
        if base is not None and not (base.dtype.is_integer() or base.dtype == pl.Null):
            raise DataError(WORDS("score.base", name=terms.base, given=str(base.dtype)))
        return grades + terms.offers(indices, base).get_columns()


class _Columns:
    """The answers of a block of rows, filled branch by branch; what a row's branch does not say stays null."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.floats: dict[str, Floats] = {name: np.empty(rows) for name in RESULTS}
        self._whole: dict[str, Ints] = {"points": np.empty(rows, dtype=np.int64)}
        self._said: dict[str, Any] = {}

    def open(self, way: Way) -> None:
        """Make the columns of a branch's parts."""
        for points, odds in way.keys:
            if points:
                self._whole.setdefault(points, np.zeros(self._rows, dtype=np.int64))
                self._said.setdefault(points, np.zeros(self._rows, dtype=np.bool_))
            self.floats.setdefault(odds, np.zeros(self._rows))
            self._said.setdefault(odds, np.zeros(self._rows, dtype=np.bool_))

    def fill(self, way: Way, rows: Any, out: Floats, whole: Ints) -> None:
        """Fill in a branch's answers at its rows."""
        for place, name in enumerate(RESULTS):
            self.floats[name][rows] = out[place]
        self._whole["points"][rows] = whole[0]
        for place, (points, odds) in enumerate(way.keys):
            if points:
                self._whole[points][rows] = whole[1 + place]
                self._said[points][rows] = True
            self.floats[odds][rows] = out[_FIXED + place]
            self._said[odds][rows] = True

    def frame(self, rated: list[pl.Series]) -> pl.DataFrame:
        """All columns, the final ones first."""
        first = [pl.Series("pd", self.floats["pd"]), pl.Series("points", self._whole["points"]), *rated]
        rest = [pl.Series(name, self.floats[name]) for name in RESULTS[1:]]
        for name, said in self._said.items():
            column = pl.Series(name, self.floats[name] if name in self.floats else self._whole[name])
            rest.append(column if said.all() else column.set(pl.Series(~said), None))
        return pl.DataFrame(first + rest)


def _single(name: str) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    return lambda row: (row[name],)


def _segment(value: Any, name: str) -> str:
    """The text by which a row is routed: a text itself, a flag, or a whole number in digits; missing is ""."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    raise DataError(WORDS("score.route", name=name, given=type(value).__name__))


def _segments(column: pl.Series) -> pl.Series:
    """`_segment` of every value of a column."""
    kind = column.dtype
    if not (kind.is_integer() or isinstance(kind, pl.String | pl.Categorical | pl.Enum | pl.Boolean | pl.Null)):
        raise DataError(WORDS("score.route", name=column.name, given=str(kind)))
    return column.cast(pl.String)
