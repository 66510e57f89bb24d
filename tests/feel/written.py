"""Random FEEL text that is well formed and mostly of fitting types, and values for the names that it reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tallystick import feel

KINDS = ("n", "s", "b", "d", "t", "m", "p", "y", "ln", "ls", "lc", "ll", "c", "r", "f")

NAMES = {
    "n": ("a", "b", "credit limit"),
    "s": ("s", "country"),
    "b": ("p", "q"),
    "d": ("d", "due date"),
    "t": ("t",),
    "m": ("m",),
    "p": ("u",),
    "y": ("y",),
    "ln": ("xs",),
    "ls": ("ss",),
    "lc": ("cs",),
    "ll": ("ls",),
    "c": ("c",),
    "r": ("r",),
    "f": (),
}

LITERALS = {
    "n": ("0", "1", "2", "3", "-1", "2.50", "0.1", "100", "1e3", "1234567890123456789012345678901234"),
    "s": ('""', '"a"', '"ab"', '"DE"', '"ü😀z"', '"b,c"', '"x\\ny"'),
    "b": ("true", "false"),
    "d": ('@"2024-02-29"', '@"2026-01-31"', 'date("1999-12-31")', "date(2025, 3, 1)"),
    "t": ('@"10:20:30"', '@"23:59:59.5"', '@"00:00:00Z"', '@"12:00:00+02:00"', "time(8, 30, 0)"),
    "m": (
        *('@"2024-02-29T10:00:00"', '@"2026-01-31T23:30:00Z"', '@"2025-07-01T12:00:00+05:30"'),
        *('@"2025-07-01T00:00:00@Europe/Berlin"', 'date and time(@"2025-03-31", @"01:02:03")'),
    ),
    "p": ('@"P1D"', '@"PT36H"', '@"-PT1H30M"', 'duration("P2DT0.5S")', '@"PT0S"'),
    "y": ('@"P1Y"', '@"P14M"', '@"-P3M"', '@"P0M"'),
    "ln": ("[]", "[1]", "[1, 2, 2, null]", "[3, 1, 2]", "[1.0, 1]"),
    "ls": ('["a"]', '["b", "a", "b"]', "[]"),
    "lc": ("[{x: 1, k: 2}, {x: 3}]", "[{x: null}, {y: 1}]"),
    "ll": ("[[1], [2, [3]]]", "[[], [null]]"),
    "c": ('{x: 1, k: "v"}', "{}", '{x: null, "two words": 2}'),
    "r": ("[1..5]", "(1..5]", "[2..3)", "]3..9[", "(< 4)", "(>= 2)", '["a".."m"]', '[@"2024-01-01"..@"2026-01-01"]'),
    "f": ("function(v: number) v * 2", "function(v) v"),
}

# §kind is an expression of that kind, §* one of any kind; £name stands for a fresh name, bound in §kind£name.
FORMS = {
    "n": (
        *("§n + §n", "§n - §n", "§n * §n", "§n / §n", "§n ** §n", "-§n", "if §b then §n else §n", "§ln[§n]", "§c.x"),
        *("count(§ln)", "sum(§ln)", "min(§ln)", "max(§n, §n)", "mean(§ln)", "abs(§n)", "modulo(§n, §n)", "§d.year"),
        *("floor(§n)", "ceiling(§n, §n)", "decimal(§n, §n)", "round up(§n, 1)", "round down(§n, 1)", "§p / §p"),
        *("round half up(§n, 0)", "round half down(§n, 0)", "string length(§s)", "median(§ln)", "product(§ln)"),
        *("stddev(§ln)", "sqrt(§n)", "§m.hour", "§t.second", "§p.days", "§p.seconds", "§y.months", "§m.weekday"),
        *("day of year(§d)", "week of year(§m)", "{w: §n, v: w + §n}.v", "(function(v) v + §n)(§n)", "§r.start"),
        *("§f(§n)", "(function(v: number, w: number) v - w)(w: §n, v: §n)", "modulo(divisor: §n, dividend: §n)"),
        *("§lc[x = §n][1].x", "sum(for v in §ln return v * 2)", "sum(§ln[item > §n])", "{n: §n}.n", "§y / §y"),
        *("(function(v: list<number>) count(v))(§ln)", "get value(§c, §s)", "log(§n)", "exp(§n)"),
    ),
    "s": (
        *("§s + §s", "substring(§s, §n)", "substring(§s, §n, §n)", "upper case(§s)", "lower case(§s)", "§ls[§n]"),
        *("substring before(§s, §s)", "substring after(§s, §s)", "string join(§ls, §s)", "string join(§ls)"),
        *('replace(§s, "[ab]", "x")', "day of week(§d)", "month of year(§m)", "if §b then §s else §s", "min(§ls)"),
        *("§c.k", "§m.timezone", "substring(string: §s, start position: §n)", "(for v in §ls return v + §s)[1]"),
    ),
    "b": (
        *("§n = §n", "§n < §n", "§n >= §n", "§s = §s", "§s != §s", "§s > §s", "§d < §d", "§m <= §m", "§m = §m"),
        *("§t = §t", "§t > §t", "§p < §p", "§y >= §y", "§* = §*", "§* != §*", "§* < §*", "§b and §b", "§b or §b"),
        *("§b and §b and §b", "not(§b)", "§n between §n and §n", "§d between §d and §d", "§n in [§n..§n]", "§* in §r"),
        *("§n in (§n, §n)", "§n in (< §n, >= §n)", "§s in §ls", "§n in (? > §n)", "§d in [§d..§d)", "§n in §ln"),
        *("some £v in §ln satisfies §b£v", "every £v in §ln satisfies §b£v", "every v in §ln satisfies v > §n"),
        *("some v in §ln, w in §ln satisfies v = w + §n", "list contains(§ln, §n)", "contains(§s, §s)", "odd(§n)"),
        *("starts with(§s, §s)", "ends with(§s, §s)", 'matches(§s, "^[a-c]+$")', "even(§n)", "all(§b, §b)"),
        *("any([§b, §b, §b])", "§* instance of number", "§* instance of list<number>", "§* instance of date"),
        *("§* instance of context<x: number>", "§* instance of Any", "§* instance of string", "§* = null"),
        *("§* instance of date and time", "§* instance of range<number>", "§* instance of list", "null != §*"),
        *("before(§n, §r)", "after(§r, §n)", "meets(§r, §r)", "met by(§r, §r)", "overlaps(§r, §r)", "includes(§r, §n)"),
        *("during(§r, §r)", "starts(§r, §r)", "finishes(§r, §r)", "coincides(§r, §r)", "starts(§n, §r)"),
        *("overlaps before(§r, §r)", "overlaps after(§r, §r)", "before(§r, §r)", "finished by(§r, §n)", "§r = §r"),
        *("§c = §c", "§ln = §ln", "if §b then §b else §b", "§r.start included", "§b = §b", "includes(§r, §r)"),
        *("§s in (not(§s))", "§* instance of function", "§* instance of days and time duration", "§* in §*"),
    ),
    "d": (
        *(
            "§d + §p",
            "§d - §p",
            "§d + §y",
            "§y + §d",
            "date(§m)",
            "date(§n, §n, §n)",
            "if §b then §d else §d",
            "§p + §d",
        ),
        *("[§d, §d][§n]", "max(§d, §d)", '(for v in §d..§d + @"P2D" return v)[§n]', "(function(v: date) v)(§d)"),
    ),
    "t": ("§t + §p", "§t - §p", "time(§n, §n, §n)", "time(§m)", "if §b then §t else §t", "min(§t, §t)"),
    "m": ("§m + §p", "§m - §p", "§m + §y", "date and time(§d, §t)", "if §b then §m else §m", "§m - §y"),
    "p": (
        *("§d - §d", "§m - §m", "§t - §t", "§p + §p", "§p - §p", "§p * §n", "§n * §p", "§p / §n", "-§p", "abs(§p)"),
        *("§m.time offset", "§d - §m", "§m - §d", "§t.time offset"),
    ),
    "y": ("§y + §y", "§y - §y", "§y * §n", "§y / §n", "-§y", "years and months duration(§d, §d)", "abs(§y)"),
    "ln": (
        *("[§n, §n]", "[§n, §n, §n]", "for £v in §ln return §n£v", "for v in §n..§n return v * §n", "§ln[item > §n]"),
        *("§lc.x", "sublist(§ln, §n)", "sublist(§ln, §n, §n)", "append(§ln, §n)", "concatenate(§ln, §ln)"),
        *("insert before(§ln, §n, §n)", "remove(§ln, §n)", "reverse(§ln)", "index of(§ln, §n)", "union(§ln, §ln)"),
        *("distinct values(§ln)", "flatten(§ll)", "mode(§ln)", "sort(§ln, function(v, w) v < w)", "§ln[§b]"),
        *("list replace(§ln, §n, §n)", "list replace(§ln, function(v, w) v > w, §n)", "for v in §ln return v + §n"),
        *("for v in §ln return count(partial) + v", "for v in §r return v", "for v in §ln, w in §ln return v - w"),
        *("for v in [1, 2], w in [v, §n] return w", "§ll[§n]", "§ln[item in §r]", "[§n]", "if §b then §ln else §n"),
    ),
    "ls": (
        'split(§s, ",")',
        "[§s, §s]",
        "for v in §ls return v + §s",
        "§ls[item != §s]",
        "sort(§ls, function(v, w) v > w)",
    ),
    "lc": (
        "§lc[x > §n]",
        "§lc[x = k]",
        "[§c, §c]",
        "get entries(§c)",
        "§lc[§n]",
        "append(§lc, §c)",
        "§lc[item.x != null]",
    ),
    "ll": (
        "[§ln, §ln]",
        "§ll[count(item) > §n]",
        "for v in §ln return [v, §n]",
        "[§ll, §ln]",
        "for v in [1, 2] return partial",
    ),
    "c": (
        *("{x: §n, k: §s}", "{x: §n, y: x + §n}", '{"two words": §n, x: two words}', 'context put(§c, "x", §n)'),
        *("context merge([§c, §c])", "§lc[§n]", "{x: §c.x, c: {x: x, k: §*}}", "if §b then §c else {x: §*}"),
        *('context([{key: "x", value: §n}])', "{f: function(n: number) if n < 1 then 0 else n + f(n - 1), x: f(3)}.x"),
    ),
    "r": ("[§n..§n]", "(§n..§n]", "[§n..§n[", "[§d..§d]", "[§s..§s]", "(> §n)", "(<= §n)", "[§p..§p]", "[§m..§m]"),
    "f": ("function(v) §n", "function(v: number) v + §n", "if §b then floor else abs"),
}


class Writer:
    """Writes expressions; `depth` bounds how deep they nest."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.fresh: list[tuple[str, str]] = []

    def expression(self, depth: int) -> str:
        return self.of(self.rng.choice(KINDS), depth)

    def of(self, kind: str, depth: int) -> str:
        rng = self.rng
        if kind == "*" or rng.random() < 0.04:
            kind = rng.choice(KINDS)
        chance = rng.random()
        if depth <= 0 or chance < 0.2:
            bound = [name for name, each in self.fresh if each == kind]
            if bound and rng.random() < 0.5:
                return rng.choice(bound)
            if rng.random() < 0.04:
                return "null"
            choices = NAMES[kind] if NAMES[kind] and rng.random() < 0.5 else LITERALS[kind]
            return rng.choice(choices)
        return self.filled(rng.choice(FORMS[kind]), depth - 1)

    def filled(self, form: str, depth: int) -> str:
        name = f"v{len(self.fresh)}"
        parts = form.replace("£v in", f"{name} in").split("§")
        text = parts[0]
        for part in parts[1:]:
            kind = part[:2] if part[:2] in KINDS else part[:1]
            rest = part[len(kind) :]
            bound = rest.startswith("£v")
            if bound:
                self.fresh.append((name, "n"))
            text += f"({self.of(kind, depth)})" + (rest[2:] if bound else rest)
            if bound:
                self.fresh.pop()
        return text


def values(rng: Random) -> dict[str, Any]:
    """A value for every name, about one in ten of them null."""
    zones = (None, UTC, timezone(timedelta(hours=2)), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"))

    def number() -> Decimal:
        return Decimal(rng.choice(("0", "1", "2", "3", "-4", "7.25", "1E+3", "0.001", "99.90", "1E-20")))

    def text() -> str:
        return rng.choice(("", "a", "b", "DE", "ab", "é😀", "a,b"))

    def day() -> date:
        return date(rng.randint(2023, 2027), rng.randint(1, 12), rng.randint(1, 28))

    def context() -> dict[str, Any]:
        found = {"x": number(), "k": text(), "two words": number()}
        return {name: value if rng.random() < 0.9 else None for name, value in found.items() if rng.random() < 0.9}

    def clock() -> time:
        return time(rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59), rng.choice((0, 0, 500_000)))

    def some(make: Any) -> list[Any]:
        return [make() if rng.random() < 0.9 else None for _ in range(rng.randint(0, 4))]

    makers: dict[str, Callable[[], Any]] = {
        "n": number,
        "s": text,
        "b": lambda: rng.random() < 0.5,
        "d": day,
        "t": lambda: clock().replace(tzinfo=rng.choice(zones[:3])),
        "m": lambda: datetime.combine(day(), clock(), rng.choice(zones)),
        "p": lambda: timedelta(hours=rng.randint(-60, 60), seconds=rng.choice((0, 1.5))),
        "y": lambda: feel.Months(months=rng.randint(-30, 30)),
        "ln": lambda: some(number),
        "ls": lambda: some(text),
        "lc": lambda: some(context),
        "ll": lambda: [some(number), some(number)],
        "c": context,
        "r": lambda: feel.Interval(number(), Decimal(2000), rng.random() < 0.5, rng.random() < 0.5),
    }
    names = [(name, kind) for kind, several in NAMES.items() for name in several]
    return {name: makers[kind]() if rng.random() < 0.9 else None for name, kind in names}
