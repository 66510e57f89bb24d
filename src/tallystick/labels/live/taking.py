"""What is refused before anything of it is taken in: events, points, and batches with labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tallystick.core import InputError, Message
from tallystick.feel import to_feel
from tallystick.labels.live.revisions import Event, Revision
from tallystick.labels.meaning.facts import T_MAX, T_MIN
from tallystick.labels.plan import Node, all_leaves
from tallystick.labels.words import WORDS

if TYPE_CHECKING:
    from tallystick.labels.live.book import Book
    from tallystick.labels.live.point import Plan


def refusal(book: Book, id: int | str | None, number: int, found: Revision) -> str:
    """Why a revision counts nowhere, "" where it counts."""
    first, at, known = number == 0, found.at, found.known_at
    whole = first or not found.retract
    if id is None:
        return "no_id"
    if number < 0:
        return "no_revision"
    if whole and at is None:
        return "no_at"
    if whole and None in found.keys:
        return "no_key"
    if whole and found.sequence is None:
        return "no_sequence"
    if not T_MIN <= known < T_MAX or (at is not None and not T_MIN <= at < T_MAX):
        return "out_of_range"
    if first and at is not None and known < at:
        return "known_before_it_happened"
    return "late" if first and at is not None and known - at > book.lateness else ""


def repeated(book: Book, event: Event | None, number: int, found: Revision) -> bool:
    """Whether this revision of an event was already known by then, so that it changes nothing."""
    if event is None or number not in event.revisions:
        return False
    kept = event.revisions[number]
    if kept.content() != found.content():
        raise InputError(WORDS("labels.conflict", stream=book.definition.stream, id=event.id, revision=number))
    return kept.known_at <= found.known_at


def passed(book: Book, values: tuple[Any, ...]) -> dict[str, bool]:
    """Filter → whether it is true on a row; raises `InputError` where one cannot be evaluated."""
    held = dict(zip(book.columns, values, strict=True))
    first, last = book.clock
    row: dict[str, Any] = {}
    try:
        for name in book.tested:
            value, kind = held[name], book.kinds.get(name)
            if value is None or kind is None:
                row[name] = None
                continue
            # As over columns: what the clocks of the zone cannot show is read as the edge.
            at_edge = kind.kind == "instant" and not first <= value <= last
            row[name] = to_feel(min(max(value, first), last) if at_edge else value, kind, book.zone)
        return {where: test(row) for where, test in book.tests.items()}
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise InputError(WORDS("labels.filtered", stream=book.definition.stream, detail=str(error))) from None


def check_text(book: Book, column: str, text: str) -> None:
    """Raise `InputError` for text that UTF-8 cannot hold: a half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        allowed = "text that UTF-8 can hold"
        raise InputError(
            WORDS("labels.value", stream=book.definition.stream, column=column, given=text, allowed=allowed)
        ) from None


def check_years(book: Book, column: str, instant: int) -> None:
    """Raise `InputError` for an instant outside the years 1 to 9999; `at` has a reason of refusal for it."""
    if column != book.definition.at and not T_MIN <= instant < T_MAX:
        raise InputError(WORDS("labels.years", stream=book.definition.stream, column=column, given=instant))


def check_known(k: int) -> None:
    """Raise `InputError` for a k outside the years 1 to 9999, or the instant before them that a joined column asks."""
    if not T_MIN - 1 <= k < T_MAX:
        raise InputError(WORDS("labels.time_range", given=k))


def chosen(nodes: Mapping[str, Node], names: Iterable[str] | None) -> dict[str, Node]:
    """The plans of the labels that are asked, all without names; raises `InputError` for an unknown one."""
    found = {}
    for name in nodes if names is None else names:
        if name not in nodes:
            raise InputError(WORDS("labels.unknown", given=name, allowed=", ".join(nodes)))
        found[name] = nodes[name]
    return found


def check_own(book: Book, id: int | str) -> None:
    """Raise `InputError` for an own event's unknown id of another type than the ids that are known."""
    kind = book.kinds.get(book.definition.id)
    if id in book.ids or kind is None or not len(book.ids):
        return
    if isinstance(id, str) != (kind.kind == "text"):
        stream, column = book.definition.stream, book.definition.id
        raise InputError(WORDS("labels.value", stream=stream, column=column, given=id, allowed=f"{kind}, as its ids"))


def check_entities(books: Mapping[str, Book], streams: Iterable[Any], plan: Plan) -> None:
    """Raise `InputError` where the events of a stream lack the key of an entity that labels need."""
    for stream in streams:
        book = books.get(stream) if isinstance(stream, str) else None
        for entity in plan.entities if book is not None else ():
            assert book is not None
            if entity not in book.entities:
                raise InputError(lacking(plan, entity, book.entities))


def lacking(plan: Plan, entity: str, given: Iterable[str]) -> Message:
    """The message that a label's entity has no key."""
    name = next(
        name
        for name, node in plan.nodes.items()
        if any(leaf.entity == entity and leaf.via is None for leaf in all_leaves(node))
    )
    return WORDS("labels.point_entity", name=name, entity=entity, allowed=", ".join(given))
