"""How a label is written: entities, events, aggregates and their windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tallystick.core import DefinitionError
from tallystick.labels.definition.families import Family, Value, ending, equals, listed
from tallystick.labels.definition.fields import FieldSpec, date, decimal, flag, instant, integer, money, real, text
from tallystick.labels.definition.formulas import Arithmetic, FormulaText, Label, Number, formula, shown_slip
from tallystick.labels.definition.notes import Note, caller
from tallystick.labels.definition.words import WORDS

__all__ = [
    "Aggregate",
    "Arithmetic",
    "Entity",
    "Events",
    "Family",
    "FieldSpec",
    "FormulaText",
    "Label",
    "Note",
    "Number",
    "Own",
    "Per",
    "Windowed",
    "date",
    "decimal",
    "flag",
    "formula",
    "instant",
    "integer",
    "money",
    "real",
    "text",
]


class Entity(msgspec.Struct, frozen=True):
    """Whom or what labels are about: a card, a customer, a terminal.

    Examples
    --------
    >>> Entity("card")
    Entity(name='card')
    """

    name: str


class Events(msgspec.Struct, frozen=True, eq=False):
    """A stream of events and how its columns are read.

    Parameters
    ----------
    stream
        The stream's name.
    id
        Column that names an event; a correction has the same id and a higher revision.
    at
        Column of the instant when it happened.
    keys
        Entity → column of its key.
    sequence
        Column that orders events of equal `at` (whole numbers or text); then, and without it, `id` orders.
    lateness
        Span within which a first revision must be known, else it is quarantined.
    fields
        Column → type, for columns that labels aggregate or compare as amounts. Others are read with the type they have.
    joins
        Column → label of another stream: what it was for the event's keys when the event happened, as known just
        before the event was. Such a column is used like any other.

    Examples
    --------
    >>> card = Entity("card")
    >>> payments = Events("payments", id="payment_id", at="paid_at", keys={card: "card_id"},
    ...                   fields={"amount": money("EUR")})
    >>> spend_7d = payments.per(card).sum("amount").over("7d")
    >>> spend_7d.kind, spend_7d.window
    ('sum', '7d')
    """

    stream: str
    id: str
    at: str
    keys: Mapping[Entity, str]
    sequence: str = ""
    lateness: str = "30d"
    fields: Mapping[str, FieldSpec] = {}
    joins: Mapping[str, Label] = {}

    def __post_init__(self) -> None:
        for what, values, allowed, form in (
            ("keys", self.keys, Entity, '{Entity("card"): "card_id"}'),
            ("fields", self.fields, FieldSpec, '{"amount": money("EUR")}'),
            ("joins", self.joins, Label, '{"segment": a label}'),
        ):
            mapped = isinstance(values, Mapping)
            held = (values if what == "keys" else values.values()) if mapped else [values]
            given = [value for value in held if not mapped or not isinstance(value, allowed)]
            if given:
                shown = shown_slip(given[0])
                words = WORDS("labels.events", stream=self.stream, what=what, given=shown, allowed=form)
                raise DefinitionError(words, caller())

    def per(self, entity: Entity) -> Per:
        """What is counted for each key of `entity`; raises `DefinitionError` for what is no entity."""
        if not isinstance(entity, Entity):
            allowed = ", ".join(key.name for key in self.keys)
            words = WORDS("labels.per", stream=self.stream, given=shown_slip(entity), allowed=allowed)
            raise DefinitionError(words, caller())
        return Per(self, entity)

    def own(self, column: str) -> Own:
        """The `column` of the request or event itself; missing (never seen) at a point that is no event's own."""
        return Own(self, column, place=caller())


class Own(Label, frozen=True, eq=False):
    """A column of the point's own event."""

    events: Events
    column: str


class Per(msgspec.Struct, frozen=True, eq=False):
    """The aggregates of a stream for one entity; each becomes a label with `.over(window)`.

    `where` is a FEEL condition on a row: only events for which it is true are taken. Events whose column is null are
    skipped. "Earliest" and "latest" are by (at, sequence, id).
    """

    events: Events
    entity: Entity

    def count(self, where: str = "") -> Aggregate:
        """How many events."""
        return Aggregate(self, "count", "", where)

    def sum(self, column: str, where: str = "") -> Aggregate:
        """The exact sum of a money, decimal, integer or flag column."""
        return Aggregate(self, "sum", column, where)

    def mean(self, column: str, where: str = "") -> Aggregate:
        """The exact sum divided once by the count, Float64 in the column's unit."""
        return Aggregate(self, "mean", column, where)

    def std(self, column: str, where: str = "") -> Aggregate:
        """The sample's standard deviation, Float64 in the column's unit; undefined below two values."""
        return Aggregate(self, "std", column, where)

    def skew(self, column: str, where: str = "") -> Aggregate:
        """The sample's adjusted skewness; undefined below three values or where all are equal."""
        return Aggregate(self, "skew", column, where)

    def min(self, column: str, where: str = "") -> Aggregate:
        """The smallest value."""
        return Aggregate(self, "min", column, where)

    def max(self, column: str, where: str = "") -> Aggregate:
        """The largest value."""
        return Aggregate(self, "max", column, where)

    def range(self, column: str, where: str = "") -> Aggregate:
        """The largest value minus the smallest."""
        return Aggregate(self, "range", column, where)

    def first(self, column: str, where: str = "") -> Aggregate:
        """The earliest value."""
        return Aggregate(self, "first", column, where)

    def last(self, column: str, where: str = "") -> Aggregate:
        """The latest value."""
        return Aggregate(self, "last", column, where)

    def nth(self, column: str, n: int, where: str = "") -> Aggregate:
        """The `n`-th value from the end (1 to 10,000; 1 is the latest); undefined where there are fewer."""
        return Aggregate(self, "nth", column, where, amount=n)

    def mode(self, column: str, where: str = "") -> Aggregate:
        """The most frequent value; of equally frequent ones the value seen last."""
        return Aggregate(self, "mode", column, where)

    def top(self, column: str, n: int, where: str = "") -> Aggregate:
        """The `n` (1 to 10,000) most frequent values as a JSON array, the most frequent first."""
        return Aggregate(self, "top", column, where, amount=n)

    def quantile(self, column: str, q: float | str, where: str = "", cap: int = 0) -> Aggregate:
        """The nearest-rank quantile: the smallest value with at least `q` of all values at or below it.

        Parameters
        ----------
        column
            A number (a float only without `cap`), instant or date.
        q
            0 to 1 with at most six decimals.
        where
            FEEL condition on a row.
        cap
            Above so many values (2 to 1,000,000) the answer is approximate: values are first cut to their eight
            leading bits. 0 means never.
        """
        return Aggregate(self, "quantile", column, where, amount=q, cap=cap)

    def median(self, column: str, where: str = "") -> Aggregate:
        """The nearest-rank median: the quantile of one half."""
        return Aggregate(self, "quantile", column, where, amount="0.5")

    def distinct(self, column: str, where: str = "", cap: int = 0) -> Aggregate:
        """How many different values; above `cap` (2 to 1,000,000; 0 never) an estimate from a Theta sketch."""
        return Aggregate(self, "distinct", column, where, cap=cap)

    def share(self, condition: str) -> Aggregate:
        """The part of the events for which the FEEL condition is true, 0 to 1."""
        return Aggregate(self, "share", "", condition)

    def streak(self, condition: str) -> Aggregate:
        """How many events, back from the latest, meet the FEEL condition without a break."""
        return Aggregate(self, "streak", "", condition)

    def ratio(self, column: str, other: str, where: str = "") -> Aggregate:
        """The sum of `column` over the sum of `other`, over events that have both; undefined where that is zero."""
        return Aggregate(self, "ratio", column, where, other=other)

    def slope(self, column: str, per: str = "1d", where: str = "") -> Aggregate:
        """The slope of the least-squares line of `column` over time, in the column's unit for each span `per`."""
        return Aggregate(self, "slope", column, where, amount=per)

    def entropy(self, column: str, where: str = "") -> Aggregate:
        """The entropy of the values' frequencies in nats: 0 where all events have one value."""
        return Aggregate(self, "entropy", column, where)

    def since_first(self, where: str = "") -> Aggregate:
        """Microseconds from the earliest event to the point."""
        return Aggregate(self, "since_first", "", where)

    def since_last(self, where: str = "") -> Aggregate:
        """Microseconds from the latest event to the point."""
        return Aggregate(self, "since_last", "", where)

    def first_at(self, where: str = "") -> Aggregate:
        """The instant of the earliest event."""
        return Aggregate(self, "first_at", "", where)

    def last_at(self, where: str = "") -> Aggregate:
        """The instant of the latest event."""
        return Aggregate(self, "last_at", "", where)

    def gap(self, statistic: str, where: str = "") -> Aggregate:
        """The "mean", "std", "min" or "max" of the microseconds between neighbouring events."""
        return Aggregate(self, f"gap_{statistic}", "", where)

    def sequence(self, column: str, n: int, where: str = "") -> Aggregate:
        """The latest `n` (1 to 10,000) values as a JSON array, oldest first."""
        return Aggregate(self, "sequence", column, where, amount=n)

    def decayed(self, column: str, half_life: str = "7d", where: str = "") -> Aggregate:
        """The sum with each value's weight halved for every `half_life` of its age; beyond 40 half-lives it is 0."""
        return Aggregate(self, "decayed", column, where, amount=half_life)


class Aggregate(msgspec.Struct, frozen=True, eq=False):
    """An aggregate that still needs its window; `amount` is its number or span as written."""

    per: Per
    kind: str
    column: str
    where: str
    other: str = ""
    amount: Any = None
    cap: int = 0

    def over(
        self,
        window: str,
        delay: str | None = None,
        including_present: bool = False,
        back: int = 0,
        to_date: bool = False,
    ) -> Windowed:
        """The label over a window that ends at the point.

        Parameters
        ----------
        window
            A span ("7d": the last 168 hours, its start left out), "10 events", "lifetime", "day", "week" (from
            Monday), "month", "quarter" or "year" (so far, in the library's zone), or "session 30m" (the run of events
            with no gap over 30 minutes).
        delay
            A span by which the window ends earlier, for what becomes known late.
        including_present
            Whether an event's own point counts the event itself.
        back
            With a calendar unit: the whole unit so many units earlier, 0 to 10,000.
        to_date
            With `back`: of that earlier unit only as far as the present one has come.

        Examples
        --------
        >>> card = Entity("card")
        >>> payments = Events("payments", id="id", at="at", keys={card: "card"})
        >>> payments.per(card).count().over("month", back=1, to_date=True).back
        1
        """
        return Windowed(self, window, delay, including_present, back, to_date, place=caller())

    def over_each(self, windows: Iterable[str], delay: str | None = None, including_present: bool = False) -> Family:
        """A label for each window; their names end in the window: `spend_7d`."""
        place = caller()
        members = [
            (f"_{ending(window)}", Windowed(self, window, delay, including_present, place=place)) for window in windows
        ]
        return Family(tuple(members), place)

    def after(
        self, anchor: Label, within: str = "", delay: str | None = None, including_present: bool = False
    ) -> Windowed:
        """The label over what came after the instant that `anchor` gives, at most `within` (a span) after it.

        Examples
        --------
        >>> customer = Entity("customer")
        >>> moves = Events("moves", id="id", at="at", keys={customer: "customer"})
        >>> moved = moves.per(customer).last_at().over("lifetime")
        >>> moves.per(customer).count().after(moved, within="90d").side
        'after'
        """
        return Windowed(self, within, delay, including_present, side="after", anchor=anchor, place=caller())

    def before(
        self, anchor: Label, within: str = "", delay: str | None = None, including_present: bool = False
    ) -> Windowed:
        """The label over what came before the instant that `anchor` gives, at most `within` (a span) before it."""
        return Windowed(self, within, delay, including_present, side="before", anchor=anchor, place=caller())


class Windowed(Label, frozen=True, eq=False):
    """An aggregate of one stream for one entity over one window, as written; `dimension` is what a family splits by."""

    aggregate: Aggregate
    window: str
    delay: str | None = None
    including_present: bool = False
    back: int = 0
    to_date: bool = False
    side: str = ""
    anchor: Label | None = None
    link: Label | None = None
    dimension: str = ""

    @property
    def kind(self) -> str:
        """The aggregate's name in the algebra."""
        return self.aggregate.kind

    @property
    def per(self) -> Per:
        """The stream and entity."""
        return self.aggregate.per

    def by(self, column: str, values: Iterable[Value]) -> Family:
        """A label for each value of `column`: over the events that have it; names end in the value: `spend__web`.

        Examples
        --------
        >>> card = Entity("card")
        >>> payments = Events("payments", id="id", at="at", keys={card: "card"})
        >>> visits = payments.per(card).count().over("7d").by("channel", ["web", "shop"])
        >>> visits["web"].aggregate.where
        'channel = "web"'
        """
        members, place = [], caller()
        for value in listed(column, values, place):
            same = equals(column, value)
            where = _both(self.aggregate.where, same)
            part = msgspec.structs.replace(self.aggregate, where=where)
            label = msgspec.structs.replace(self, aggregate=part, dimension=column, place=place)
            members.append((f"__{ending(value)}", label))
        return Family(tuple(members), place)

    def via(self, link: Label) -> Windowed:
        """The label of another entity: its key is the value of `link` (text or a whole number) at the point.

        Where `link` is missing the label is missing for the same reason. Links chain: `a.via(b).via(c)` takes the key
        of a from b, and that of b from c.

        Examples
        --------
        >>> card, terminal = Entity("card"), Entity("terminal")
        >>> payments = Events("payments", id="id", at="at", keys={card: "card", terminal: "terminal"},
        ...                   fields={"terminal": text()})
        >>> last_terminal = payments.per(card).last("terminal").over("lifetime")
        >>> payments.per(terminal).count().over("7d").via(last_terminal).link is last_terminal
        True
        """
        if isinstance(self.link, Windowed):
            link = self.link.via(link)
        return msgspec.structs.replace(self, link=link, place=caller())


def _both(where: Any, same: str) -> Any:
    """Both conditions; one that is no text is kept as it is, for the check of labels."""
    if not isinstance(where, str):
        return where
    return f"({where}) and {same}" if where else same
