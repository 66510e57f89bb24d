"""Overrides: where people decided otherwise than the system, and what came of it."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.validation.compare import Interval, wilson
from tallystick.models.validation.words import WORDS

COLUMNS = ("system", "final")


class OverrideGroup(msgspec.Struct, frozen=True):
    """Overrides of one kind: `low_side` approved against the system, `high_side` declined against it; "" is all.

    `bad_rate` is of those with a known outcome; declined cases rarely have one, so a high-side override can seldom be
    judged by its outcomes.
    """

    side: str
    reason: str
    rows: int
    share: float
    with_outcome: int
    bad_rate: Interval | None


class Overrides(msgspec.Struct, frozen=True):
    """All overrides: their share, the bad rate of what the system and people approved together, and the groups.

    `low_side_against_system` is the bad rate of cases approved by override over that of cases approved by both.
    """

    rows: int
    share: float
    agreed_bad_rate: Interval | None
    low_side_against_system: float | None
    groups: tuple[OverrideGroup, ...]


def override_analysis(frame: pl.DataFrame, approved: str = "approve") -> Overrides:
    """Count overrides and judge them by their outcomes.

    Parameters
    ----------
    frame
        A row for each case: `system` and `final` (decisions as text, `approved` is one of them), and where they are
        known `reason` (text) and `outcome` (1 or true is bad; null is unknown).
    approved
        The text that approves.

    Raises
    ------
    InputError
        When a column is absent or there is no row.

    Examples
    --------
    >>> cases = pl.DataFrame({"system": ["approve", "decline"], "final": ["approve", "approve"], "outcome": [0, 1]})
    >>> [(group.side, group.rows) for group in override_analysis(cases).groups]
    [('low_side', 1)]
    """
    for name in COLUMNS:
        if name not in frame.columns:
            raise InputError(WORDS("override.column", name=name, given=", ".join(frame.columns)))
    if not frame.height:
        raise InputError(WORDS("override.none"))
    system, final = ((frame.get_column(name).cast(pl.String) == approved).fill_null(False) for name in COLUMNS)
    empty = pl.Series([None] * frame.height, dtype=pl.Float64)
    outcome = frame.get_column("outcome").cast(pl.Float64) if "outcome" in frame.columns else empty
    text = frame.get_column("reason").cast(pl.String).fill_null("") if "reason" in frame.columns else None
    agreed = _rate(outcome.filter(system & final))
    groups = []
    for side, inside in (("low_side", ~system & final), ("high_side", system & ~final)):
        if not inside.any():
            continue
        groups.append(_group(side, "", inside, outcome))
        reasons = sorted(set(text.filter(inside).to_list())) if text is not None else []
        groups += [_group(side, reason, inside & (text == reason), outcome) for reason in reasons if reason]
    low = next((group.bad_rate for group in groups if group.side == "low_side" and not group.reason), None)
    against = low.value / agreed.value if low is not None and agreed is not None and agreed.value > 0 else None
    return Overrides(frame.height, int((system != final).sum()) / frame.height, agreed, against, tuple(groups))


def _group(side: str, reason: str, inside: pl.Series, outcome: pl.Series) -> OverrideGroup:
    known = outcome.filter(inside).drop_nulls()
    rows = int(inside.sum())
    return OverrideGroup(side, reason, rows, rows / inside.len(), known.len(), _rate(known))


def _rate(outcome: pl.Series) -> Interval | None:
    known = outcome.drop_nulls().to_numpy()
    return wilson(float(np.sum(known)), known.size) if known.size else None
