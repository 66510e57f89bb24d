"""Kernels called from Python once for each event: by their one compiled form, and with few arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.arena import push_in
from tallystick.labels.kernels.bare import words_at


def entry(function: Any, arguments: int) -> Callable[..., int]:
    """The compiled form of a kernel of so many int64 alone; a call does not choose among types before."""
    found: Callable[..., int] = function.compile((types.int64,) * arguments)
    return found


@kernel
def push_all(row_at: int, base: int, arenas: int) -> Any:
    """Put one row where it belongs in a segment of each arena, in turn; gives in how many before one did not take it.

    Behind the base words of the row stand the segment in each arena, and then the address of each arena's ctl.
    """
    row, done = words_at(np.int64(row_at)), 0
    while done < arenas and push_in(words_at(row[base + arenas + done]), row[base + done], row, 0) >= 0:
        done += 1
    return done
