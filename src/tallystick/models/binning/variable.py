"""The record of a binned feature, and which bin a value falls into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from tallystick.core import Language
from tallystick.core.numeric import kernel
from tallystick.models.binning.words import WORDS
from tallystick.models.frames import Feature, Floats, Ints

Monotone: TypeAlias = Literal["none", "ascending", "descending", "peak", "valley", "auto"]
"""How the event rate may go as the value rises; see `OptimalBinner` for what `auto` takes."""

_BLOCK = 4_096

Why: TypeAlias = Literal["", "missing", "constant", "flat", "limits", "order"]


class Variable(msgspec.Struct, frozen=True):
    """One binned feature: bins of values, then one bin for each special value, then missing.

    Value bin i holds values in (edges[i−1], edges[i]]; the last one is open.

    Attributes
    ----------
    edges
        Upper edges, ascending, inclusive, one fewer than there are value bins.
    specials
        Encoded values with a bin of their own, ascending.
    rows, events
        Weighted counts of each bin.
    woe
        ln((good share) / (bad share)) of each bin; positive is safer; 0 where nothing was seen.
    iv
        Information value of all bins.
    monotone
        The shape in force: none, ascending, descending, peak or valley risk.
    signal
        False when the values stay in one bin: said so, with `why`, and not hidden.
    why
        Why there is no cut: "missing" (no row has a value), "constant" (one value), "flat" (the same event rate on
        both sides of every cut), "limits" (no two bins are large enough), "order" (bins would be large enough, but
        the shape, the WOE step, the p-value or the periods refuse them); "" where there is one.
    """

    feature: Feature
    edges: tuple[float, ...]
    specials: tuple[float, ...]
    rows: tuple[float, ...]
    events: tuple[float, ...]
    woe: tuple[float, ...]
    iv: float
    monotone: str
    signal: bool
    why: Why = ""

    @property
    def size(self) -> int:
        """The number of bins: of values, of specials, and the one of missing."""
        return len(self.edges) + len(self.specials) + 2

    def bin_text(self, index: int, language: Language = "en") -> str:
        """Bin `index` in words: an interval, the categories, the special value, or "missing"."""
        last = len(self.edges)
        if index == self.size - 1:
            return WORDS("bin.missing").text(language)
        if index > last:
            return self._value_text(self.specials[index - last - 1])
        if self.feature.categories is not None:
            low = 0 if index == 0 else int(np.floor(self.edges[index - 1])) + 1
            return self._categories(low, None if index == last else int(np.floor(self.edges[index])), language)
        if not last:
            return WORDS("bin.any").text(language)
        if index == 0:
            return f"≤ {number_text(self.edges[0])}"
        if index == last:
            return f"> {number_text(self.edges[-1])}"
        return f"({number_text(self.edges[index - 1])}, {number_text(self.edges[index])}]"

    def why_text(self, language: Language = "en") -> str:
        """Why the values stay in one bin, for people; "" where they do not."""
        return WORDS(f"why.{self.why}", name=self.feature.name).text(language) if self.why else ""

    def _value_text(self, value: float) -> str:
        if self.feature.categories is None:
            return f"= {number_text(value)}"
        return self.feature.categories[self.feature.ranks.index(int(value))]

    def _categories(self, low: int, high: int | None, language: Language) -> str:
        names = [
            name
            for name, rank in zip(self.feature.categories or (), self.feature.ranks, strict=True)
            if low <= rank and (high is None or rank <= high) and rank not in self.specials
        ]
        other = self.feature.other
        if other is not None and low <= other and (high is None or other <= high):
            names.append(WORDS("bin.other").text(language))
        return ", ".join(names) or WORDS("bin.any").text(language)


def number_text(value: float) -> str:
    """A number as people write it: whole where it is whole."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def bin_index(values: Floats, variable: Variable) -> Ints:
    """The bin of each encoded value: a bin of values, of its special value, or, last, of missing.

    Parameters
    ----------
    values
        One encoded column, NaN is missing.
    variable
        As fitted.

    Returns
    -------
    array of int64
        In 0 … `variable.size` − 1.

    Examples
    --------
    >>> from tallystick.models.frames import Feature
    >>> four = (1.0,) * 4
    >>> age = Variable(Feature("age"), (30.0,), (-1.0,), four, four, four, 0.1, "none", True)
    >>> bin_index(np.array([30.0, 31.0, -1.0, np.nan]), age).tolist()
    [0, 1, 2, 3]
    """
    index = np.empty(values.size, dtype=np.int64)
    _place(values, *_limits(variable), index)
    return index


def bin_matrix(matrix: Floats, variables: Sequence[Variable]) -> Ints:
    """The bin of every cell of an encoded matrix whose columns are the variables in order."""
    out = np.empty(matrix.shape, dtype=np.int64)
    limits = [_limits(variable) for variable in variables]
    for rows in _blocks(matrix.shape[0]):
        for i in range(len(variables)):
            _place(matrix[rows, i], *limits[i], out[rows, i])
    return out


def woe_matrix(matrix: Floats, variables: Sequence[Variable]) -> Floats:
    """The weight of evidence of every cell of an encoded matrix whose columns are the variables in order."""
    out = np.empty(matrix.shape)
    limits = [_limits(variable) for variable in variables]
    woe = [np.asarray(variable.woe) for variable in variables]
    index = np.empty(min(_BLOCK, matrix.shape[0]), dtype=np.int64)
    for rows in _blocks(matrix.shape[0]):
        held = index[: rows.stop - rows.start]
        for i in range(len(variables)):
            _place(matrix[rows, i], *limits[i], held)
            out[rows, i] = woe[i][held]
    return out


def _limits(variable: Variable) -> tuple[Floats, Floats]:
    return np.asarray(variable.edges, dtype=np.float64), np.asarray(variable.specials, dtype=np.float64)


def _blocks(rows: int) -> list[slice]:
    """So few rows at a time that all their columns stay in the processor's cache."""
    return [slice(at, min(at + _BLOCK, rows)) for at in range(0, rows, _BLOCK)]


@kernel
def _place(values: Floats, edges: Floats, specials: Floats, out: Ints) -> None:
    """Write the bin of each value: the number of edges below it, or that of its special value or of missing."""
    for i in range(values.size):
        value = values[i]
        place = 0
        for k in range(edges.size):
            place += edges[k] < value
        for k in range(specials.size):
            if value == specials[k]:
                place = edges.size + 1 + k
        out[i] = place if value == value else edges.size + specials.size + 1
