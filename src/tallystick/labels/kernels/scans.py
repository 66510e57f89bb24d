"""Point by point: a window's visible values gathered and folded, for what no window can slide over."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.folds import fold, fold_list
from tallystick.labels.kernels.rows import FOUND, NONE, Codes, Ints, start_of_events, start_of_session


@kernel
def fold_points(
    kind: int,
    param: int,
    cap: int,
    hashes: Any,
    x: Ints,
    y: Ints,
    at: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    chosen: Ints,
    low: Ints,
    high: Ints,
    t: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    to: Ints,
    whole: Ints,
    real: Any,
    status: Codes,
    width: int,
) -> None:
    """Answer the chosen points of one kind; an answer goes where `to` says.

    `width` is the widest window in rows.
    """
    xs, ys, ats = np.empty(width, np.int64), np.empty(width, np.int64), np.empty(width, np.int64)
    work = np.empty(2 * width + 512, np.int64)
    for j in range(chosen.size):
        p = chosen[j]
        n = 0
        for i in range(low[p], high[p]):
            if known_from[i] <= k[p] and k[p] < known_to[i] and (present or event[i] != own[p]):
                xs[n], ys[n], ats[n] = x[i], y[i], at[i]
                n += 1
        if n == 0:
            status[p] = NONE
            continue
        said, value, value_real = fold(kind, xs, ys, ats, 0, n, t[p], param, cap, hashes, work)
        status[p] = said
        whole[to[p]] = value
        real[to[p]] = value_real


@kernel
def list_points(
    kind: int,
    param: int,
    x: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    out: Any,
    counts: Ints,
    status: Codes,
    width: int,
) -> None:
    """The lists of values at each point: `counts` of them in a row of `out`."""
    xs = np.empty(width, np.int64)
    work = np.empty(2 * width + 512, np.int64)
    for p in range(low.size):
        n = 0
        for i in range(low[p], high[p]):
            if known_from[i] <= k[p] and k[p] < known_to[i] and (present or event[i] != own[p]):
                xs[n] = x[i]
                n += 1
        if n == 0:
            status[p] = NONE
            continue
        status[p] = FOUND
        counts[p] = fold_list(kind, xs, 0, n, param, out[p], work)


@kernel
def starts_of_events(
    code: Codes,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    count: int,
) -> Ints:
    """Where the latest `count` visible rows of each window begin."""
    found = np.empty(low.size, np.int64)
    for p in range(low.size):
        found[p] = start_of_events(code, known_from, known_to, event, low[p], high[p], k[p], own[p], present, count)
    return found


@kernel
def starts_of_sessions(
    code: Codes,
    at: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    until: Ints,
    gap: int,
) -> Ints:
    """Where the session that is open at each `until` begins; the window's end where there is none."""
    found = np.empty(low.size, np.int64)
    for p in range(low.size):
        found[p] = start_of_session(
            code, at, known_from, known_to, event, low[p], high[p], k[p], own[p], present, until[p], gap
        )
    return found
