"""The obvious executor: for each point, look at every fact. Slow, short, and the judge of the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

Fact = Mapping[str, Any]
Outcome = tuple[Any, str]

DAY = 86_400_000_000
UNITS = {"d": DAY, "h": DAY // 24}
LATENESS = 30 * DAY
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AWAITING = object()


class Asked(msgspec.Struct, frozen=True):
    """One aggregate: what a label says, with the filter in Python."""

    entity: str
    kind: str
    column: str = ""
    window: str = "7d"
    delay: str = "0d"
    present: bool = False
    where: Callable[[Fact], bool] | None = None


def micros(span: str) -> int:
    return int(span[:-1]) * UNITS[span[-1]]


def counts(fact: Fact) -> bool:
    """Whether a fact is not quarantined."""
    if fact["revision"] > 0 and fact["retract"]:
        return True
    if None in (fact["payment_id"], fact["paid_at"], fact["card_id"], fact["terminal_id"], fact["number"]):
        return False
    return bool(fact["revision"] > 0 or 0 <= fact["known_at"] - fact["paid_at"] <= LATENESS)


def known(facts: Iterable[Fact], k: int) -> list[dict[str, Any]]:
    """What was known at k: of each event the highest revision, unless it is a retraction."""
    latest: dict[str, Fact] = {}
    for fact in facts:
        if counts(fact) and fact["known_at"] <= k:
            before = latest.get(fact["payment_id"])
            if before is None or fact["revision"] > before["revision"]:
                latest[fact["payment_id"]] = fact
    seen = []
    for fact in latest.values():
        if not fact["retract"]:
            row = dict(fact)
            if row["level"] is not None:
                # Both zeros are one number, held as 0.0.
                row["level"] += 0.0
            if row["fraud_known_at"] is None or row["fraud_known_at"] > k:
                row["fraud"] = False
            if row["verdict_known_at"] is None or row["verdict_known_at"] > k:
                row["verdict"] = AWAITING
            seen.append(row)
    return sorted(seen, key=lambda row: (row["paid_at"], row["number"], row["payment_id"]))


def month_start(t: int, zone: str) -> int:
    local = (EPOCH + timedelta(microseconds=t)).astimezone(ZoneInfo(zone))
    first = datetime(local.year, local.month, 1, tzinfo=ZoneInfo(zone))
    return (first - EPOCH) // timedelta(microseconds=1)


def first_known(facts: Iterable[Fact], own: str) -> int | None:
    return min((fact["known_at"] for fact in facts if counts(fact) and fact["payment_id"] == own), default=None)


def value(asked: Asked, facts: Iterable[Fact], key: str, t: int, k: int, own: str | None, zone: str) -> Outcome:
    """The value of a label at a point, or None and the reason."""
    rows = known(facts, k)
    if own is not None:
        mine = next((row for row in rows if row["payment_id"] == own), None)

        def before(row: dict[str, Any]) -> bool:
            if row["payment_id"] == own:
                return asked.present and row["paid_at"] <= t
            if row["paid_at"] < t:
                return True
            if mine is None or row["paid_at"] != t or mine["paid_at"] != t:
                return False
            return bool((row["number"], row["payment_id"]) < (mine["number"], own))

        rows = [row for row in rows if before(row)]
    rows = [row for row in rows if row["paid_at"] <= t and row[f"{asked.entity}_id"] == key]
    reason = "expired" if rows else "never_seen"
    end = t - micros(asked.delay)
    if asked.window == "month":
        rows = [row for row in rows if month_start(end, zone) <= row["paid_at"] <= end]
    elif asked.window == "lifetime":
        rows = [row for row in rows if row["paid_at"] <= end]
    else:
        rows = [row for row in rows if end - micros(asked.window) < row["paid_at"] <= end]
    passed = [row for row in rows if asked.where is None or asked.where(row)]
    return aggregate(asked, rows, passed, t, reason)


def aggregate(asked: Asked, rows: list[Any], passed: list[Any], t: int, reason: str) -> Outcome:
    if asked.kind == "count":
        return len(passed), ""
    if asked.kind == "share":
        return (len(passed) / len(rows), "") if rows else (None, reason)
    if asked.kind == "since_last":
        return (t - passed[-1]["paid_at"], "") if passed else (None, reason)
    given = [row[asked.column] for row in passed]
    values = [value for value in given if value is not None and value is not AWAITING]
    if not values:
        if given:
            return None, "not_yet_known" if AWAITING in given else "source_null"
        return (0, "") if asked.kind in ("sum", "distinct") else (None, reason)
    n = len(values)
    if asked.kind == "distinct":
        return len(set(values)), ""
    if asked.kind in ("min", "max", "first", "last"):
        edges = {"first": values[0], "last": values[-1]}
        return edges[asked.kind] if asked.kind in edges else (min if asked.kind == "min" else max)(values), ""
    total = sum(int(value) for value in values)
    if asked.kind == "sum":
        return (total, "") if -(2**63) <= total < 2**63 else (None, "undefined")
    if asked.kind == "mean":
        return float(total) / float(n), ""
    if n < 2:
        return None, "undefined"
    squares = sum(int(value) ** 2 for value in values)
    return math.sqrt(float(n * squares - total * total) / float(n * (n - 1))), ""
