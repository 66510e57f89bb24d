"""How long work says how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a step's name, how much is done, and how much there is (0: not known)."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say that `done` of `total` pieces of `step` are done."""
        ...


def silent(step: str, done: int, total: int) -> None:
    """Say nothing."""
