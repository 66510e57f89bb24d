"""Lives: events, hidden financial stress, missed bills and default: what drives behaviour, and no bank is told."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.sim.calendar import DAY_S, HORIZON_MONTHS, Calendar
from tallystick.sim.chance import Flags, Floats, Ints, stream
from tallystick.sim.people import People

EVENT_KINDS = ("job_loss", "move", "child", "divorce", "raise")
JOB_LOSS, MOVE, CHILD, DIVORCE, RAISE = range(5)
_EVENT_RATE = (0.005, 0.006, 0.003, 0.002, 0.012)
_EVENT_TOLD = (0.5, 0.9, 0.6, 0.6, 0.8)
STRESS = ("calm", "strained", "broke")
MISSES_TO_DEFAULT = 4
NEVER = 10_000
_BURN_IN_MONTHS = 18


class Lives(msgspec.Struct, frozen=True):
    """What happens to every customer.

    Attributes
    ----------
    stress
        (customers, months + horizon + 1) int8: 0 calm, 1 strained, 2 broke.
    missed
        Of the same shape, int8: bills missed in a row at the month's end, 0 to 4.
    default_month, default_s
        Month index and instant (seconds UTC) of default; `NEVER` and 0 for none in sight.
    event_customer, event_kind, event_month, event_s, event_told_s
        Life events in time order; `event_told_s` is when the bank heard of it, 0 for never.
    """

    stress: np.ndarray[tuple[int, int], np.dtype[np.int8]]
    missed: np.ndarray[tuple[int, int], np.dtype[np.int8]]
    default_month: Ints
    default_s: Ints
    event_customer: Ints
    event_kind: Ints
    event_month: Ints
    event_s: Ints
    event_told_s: Ints


def live(people: People, calendar: Calendar, seed: int) -> Lives:
    """Let every customer live through the months: events, then stress, then bills, then default."""
    rng = stream(seed, "lives")
    customers, months = len(people.joined_s), calendar.months + HORIZON_MONTHS + 1
    joined_month = calendar.month_at(people.joined_s)
    stress_by_month = np.zeros((customers, months), dtype=np.int8)
    missed_by_month = np.zeros((customers, months), dtype=np.int8)
    stress = np.zeros(customers, dtype=np.int64)
    missed = np.zeros(customers, dtype=np.int64)
    default_month = np.full(customers, NEVER, dtype=np.int64)
    told: list[tuple[int, int, Ints]] = []
    for month in range(-_BURN_IN_MONTHS, months):
        happens = [rng.random(customers) < rate for rate in _EVENT_RATE]
        stress = _next_stress(rng, stress, happens, people.burden * _season(calendar, month))
        missed = _next_missed(rng, missed, stress, people.sloppy)
        fallen = (missed >= MISSES_TO_DEFAULT) | (rng.random(customers) < _UNLIKELY_TO_PAY[stress])
        # Before the bank's first month, and while a customer is new, nobody falls: such a one would be no customer.
        settled = (joined_month < month - 1) if month >= 0 else np.zeros(customers, dtype=bool)
        rescued = fallen & ~settled & (default_month == NEVER)
        stress[rescued], missed[rescued] = 0, 0
        if month >= 0:
            default_month[fallen & settled & (default_month == NEVER)] = month
            stress_by_month[:, month], missed_by_month[:, month] = stress, missed
            if month < calendar.months:
                told.extend((month, kind, np.flatnonzero(mask)) for kind, mask in enumerate(happens))
    default_s = np.zeros(customers, dtype=np.int64)
    gone = np.flatnonzero(default_month < NEVER)
    default_s[gone] = calendar.midnight_s[calendar.month_day[default_month[gone]] + rng.integers(8, 27, len(gone))]
    default_s[gone] += rng.integers(8 * 3_600, 18 * 3_600, len(gone))
    return Lives(stress_by_month, missed_by_month, default_month, default_s, *_events(rng, calendar, people, told))


_UNLIKELY_TO_PAY = np.array([0.0014, 0.011, 0.065])
_MISS = np.array([0.004, 0.09, 0.40])


def _season(calendar: Calendar, month: int) -> float:
    """Winter weighs more, and the middle third of the story is a planted downturn."""
    of_year = calendar.month_of_year[month] if month >= 0 else (calendar.month_of_year[0] + month - 1) % 12 + 1
    downturn = 1.35 if calendar.months <= 3 * month < 2 * calendar.months else 1.0
    # Written as a polynomial of the distance from mid-winter: 1.25 in January, 0.85 in July.
    distance = min(of_year - 1, 13 - of_year) / 6
    return float((1.25 - 0.40 * distance) * downturn)


def _next_stress(rng: np.random.Generator, stress: Ints, happens: list[Flags], pressure: Floats) -> Ints:
    lost, child, divorced, raised = (happens[kind].astype(np.float64) for kind in (JOB_LOSS, CHILD, DIVORCE, RAISE))
    into = 0.011 * pressure * (1 - 0.6 * raised) + 0.40 * lost + 0.15 * divorced + 0.05 * child
    deeper = 0.10 * pressure + 0.40 * lost + 0.15 * divorced
    ease = 0.12 + 0.20 * raised
    draw = rng.random(len(stress))
    after = stress.copy()
    after[(stress == 0) & (draw < into)] = 1
    after[(stress == 1) & (draw < deeper)] = 2
    after[(stress == 1) & (draw > 1 - ease)] = 0
    after[(stress == 2) & (draw > 1 - 0.5 * ease)] = 1
    return after


def _next_missed(rng: np.random.Generator, missed: Ints, stress: Ints, sloppy: Flags) -> Ints:
    chance = _MISS[stress] * np.where(missed > 0, 1.25, 1.0) + np.where(sloppy, 0.10, 0.0)
    return np.where(rng.random(len(stress)) < chance, np.minimum(missed + 1, MISSES_TO_DEFAULT), 0)


def _events(
    rng: np.random.Generator, calendar: Calendar, people: People, told: list[tuple[int, int, Ints]]
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    customer = np.concatenate([who for _, _, who in told])
    kind = np.concatenate([np.full(len(who), kind) for _, kind, who in told])
    month = np.concatenate([np.full(len(who), month) for month, _, who in told])
    days = calendar.month_day[month + 1] - calendar.month_day[month]
    at = calendar.midnight_s[calendar.month_day[month] + (rng.random(len(month)) * days).astype(np.int64)]
    at = at + rng.integers(8 * 3_600, 20 * 3_600, len(at))
    heard = np.array(_EVENT_TOLD)[kind] > rng.random(len(at))
    told_s = np.where(heard, at + rng.integers(DAY_S, 30 * DAY_S, len(at)), 0)
    seen = at >= people.joined_s[customer]
    order = np.lexsort((customer, at))
    order = order[seen[order]]
    return customer[order], kind[order], month[order], at[order], told_s[order]
