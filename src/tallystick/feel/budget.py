"""How far one evaluation may go: steps of loops and calls, and calls within calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

STEPS_MAX = 10_000_000
"""Items of loops and filters, and calls of functions, in one evaluation."""
CALLS_MAX = 100
"""Calls of functions within one another."""


class Exhausted(Exception):
    """The evaluation went beyond its bounds."""


class Budget(threading.local):
    """What is left of the running evaluation."""

    active = False
    exhausted = False
    """Whether the last evaluation went beyond its bounds."""
    steps = 0
    calls = 0

    def spend(self, steps: int) -> None:
        """Take steps of the running evaluation; raises `Exhausted` when none are left."""
        if self.active:
            self.steps -= steps
            if self.steps < 0:
                raise Exhausted


BUDGET = Budget()


def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, null where it goes beyond the bounds of one evaluation."""

    def run(*arguments: Any) -> Any:
        if BUDGET.active:
            return function(*arguments)
        BUDGET.active, BUDGET.steps, BUDGET.calls, BUDGET.exhausted = True, STEPS_MAX, 0, False
        try:
            return function(*arguments)
        except (Exhausted, RecursionError):
            BUDGET.exhausted = True
            return None
        finally:
            BUDGET.active = False

    return run
