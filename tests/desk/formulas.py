"""A plain reading of the few formulas that the exported workbook uses, as Excel's manual describes them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


class Formulas:
    """Works out cells of a workbook; an error such as #N/A is None."""

    def __init__(self, book: Any) -> None:
        self.book = book

    def value(self, title: str, column: int, row: int) -> Any:
        """What a cell shows."""
        cell = self.book[title].cell(row, column)
        return _Reading(self, title, cell.value[1:]).comparison() if cell.data_type == "f" else cell.value


class _Reading:
    def __init__(self, book: Formulas, title: str, text: str) -> None:
        self.book, self.title, self.text = book, title, text

    def _take(self, token: str) -> bool:
        found = self.text.startswith(token)
        self.text = self.text[len(token) :] if found else self.text
        return found

    def comparison(self) -> Any:
        left = self._addition()
        if self._take("="):
            return _each(left, self._addition(), lambda a, b: ("" if a is None else a) == b)
        return _each(left, self._addition(), _above) if self._take(">") else left

    def _addition(self) -> Any:
        left = self._product()
        while self._take("+"):
            left = left + self._product()
        return left

    def _product(self) -> Any:
        left = self._atom()
        while self._take("*"):
            left = _each(left, self._atom(), operator.mul)
        return left

    def _atom(self) -> Any:
        if self._take("("):
            inner = self.comparison()
            assert self._take(")")
            return inner
        if self._take('""'):
            return ""
        for name, work in _FUNCTIONS.items():
            if self._take(f"{name}("):
                parts = []
                while not self._take(")"):
                    parts.append(self.comparison())
                    self._take(",")
                return work(*parts)
        return self._digits() if self.text[0].isdigit() else self._cells()

    def _digits(self) -> int:
        size = next((i for i, letter in enumerate(self.text) if not letter.isdigit()), len(self.text))
        digits, self.text = self.text[:size], self.text[size:]
        return int(digits)

    def _cells(self) -> Any:
        title = next((name for name in self.book.book.sheetnames if self._take(f"{name}!")), self.title)
        column, row = self._corner()
        if not self._take(":"):
            return self.book.value(title, column, row)
        _, last = self._corner()
        return [self.book.value(title, column, place) for place in range(row, last + 1)]

    def _corner(self) -> tuple[int, int]:
        self._take("$")
        column, self.text = ord(self.text[0]) - 64, self.text[1:]
        self._take("$")
        return column, self._digits()


def _many(cells: Any) -> list[Any]:
    return cells if isinstance(cells, list) else [cells]


def _match(value: Any, cells: Any, _: int) -> int | None:
    return _many(cells).index(value) + 1 if value in _many(cells) else None


def _index(cells: Any, place: int | None) -> Any:
    return None if place is None else _many(cells)[place - 1]


def _above(left: Any, right: Any) -> bool:
    """A text is above every number, and an empty cell is 0."""
    return isinstance(left, str) or (left or 0) > right


def _each(left: Any, right: Any, work: Callable[[Any, Any], Any]) -> Any:
    if not isinstance(left, list) and not isinstance(right, list):
        return work(left, right)
    size = max(len(side) for side in (left, right) if isinstance(side, list))
    lefts, rights = (side if isinstance(side, list) else [side] * size for side in (left, right))
    return [work(a, b) for a, b in zip(lefts, rights, strict=True)]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "IFERROR": lambda value, other: other if value is None else value,
    "ISNUMBER": lambda value: isinstance(value, int | float),
    "SUMPRODUCT": lambda values: sum(_many(values)),
    "MATCH": _match,
    "INDEX": _index,
    "EXACT": lambda value, cells: _each(value, cells, lambda a, b: a is not None and str(a) == b),
    "SUM": lambda values: sum(_many(values)),
    "IF": lambda test, then, other: then if test else other,
    "NA": lambda: None,
}
