"""What a version may do now: its status, who approved it, and until when, all told by the history."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tallystick.core import InputError, Instant, Place, Span, StateError
from tallystick.models.governance.records import Event, Governance, Status, person
from tallystick.models.governance.words import WORDS


class Standing(msgspec.Struct, frozen=True):
    """Where a version stands.

    Attributes
    ----------
    approvals
        The approvals that count, one a person, each the person's latest.
    missing
        How many more people must approve.
    since
        When it became what its status says; None for a candidate that no event names.
    expires_at
        When approvals or promotion run out; None for never, or while nothing has begun to run.
    validation
        The latest validation, or None.
    """

    status: Status
    approvals: tuple[Event, ...] = ()
    missing: int = 0
    since: Instant | None = None
    expires_at: Instant | None = None
    validation: Event | None = None

    def expired(self, now: Instant) -> bool:
        """Whether approvals or promotion have run out by `now`."""
        return self.expires_at is not None and now >= self.expires_at


def champion_of(events: Iterable[Event], name: str) -> Event | None:
    """The promotion of the champion of `name`; None while there is none, or after it was retired."""
    champion = None
    for event in events:
        if event.name != name:
            continue
        if event.kind == "promoted":
            champion = event
        elif event.kind == "retired" and champion is not None and champion.version == event.version:
            champion = None
    return champion


def standing(events: Iterable[Event], name: str, version: str, governance: Governance) -> Standing:
    """Where version `version` of model `name` stands, told by the history of its registry.

    Examples
    --------
    >>> standing((), "risk", "a" * 64, Governance(approvals=2))
    Standing(status='candidate', approvals=(), missing=2, since=None, expires_at=None, validation=None)
    """
    events = [event for event in events if event.name == name]
    champion = champion_of(events, name)
    own = [event for event in events if event.version == version]
    latest = {person(event.by): event for event in own if event.kind == "approved"}
    approvals = tuple(sorted(latest.values(), key=lambda event: event.at))
    missing = max(governance.approvals - len(approvals), 0)
    validation = next((event for event in reversed(own) if event.kind == "validated"), None)
    status, since = _status(own, champion)
    if status == "candidate" and governance.approvals and not missing:
        status, since = "approved", approvals[-1].at
    return Standing(status, approvals, missing, since, _expiry(own, approvals, governance), validation)


def _status(own: list[Event], champion: Event | None) -> tuple[Status, Instant | None]:
    status: Status = "candidate"
    since = None
    for event in own:
        if event.kind == "retired":
            return "retired", event.at
        if event.kind in ("stored", "promoted", "challenger"):
            # A champion whose place another took is a candidate again; its approvals still count.
            status, since = "challenger" if event.kind == "challenger" else "candidate", event.at
    if champion is not None and own and champion.version == own[0].version:
        return "champion", champion.at
    return status, since


def _expiry(own: list[Event], approvals: tuple[Event, ...], governance: Governance) -> Instant | None:
    if not governance.expires:
        return None
    span = Span.parse(governance.expires).micros
    if governance.approvals:
        # Of two who must approve, the older of the latest two approvals counts.
        return approvals[-governance.approvals].at + span if len(approvals) >= governance.approvals else None
    starts = [event.at for event in own if event.kind == "promoted"][:1] + [event.at for event in approvals[-1:]]
    return max(starts) + span if starts else None


def check_approval(found: Standing, event: Event, governance: Governance, place: Place) -> None:
    """Refuse an approval that does not count: retired, own model, not called to it, twice, or without a new report.

    Where the latest validation found a fault, the approval must say why it is given all the same.

    Raises
    ------
    InputError
        When the person may not approve.
    StateError
        When the version cannot be approved now.
    """
    who = person(event.by)
    about = {"given": event.by, "name": event.name, "version": event.version[:12]}
    if not who:
        raise InputError(WORDS("approval.nobody"))
    if found.status == "retired":
        raise StateError(WORDS("version.retired", name=event.name, version=event.version[:12]), place)
    if who in {person(name) for name in (governance.owner, *governance.developers)}:
        raise InputError(WORDS("approval.own", **about))
    if governance.approvers and who not in {person(name) for name in governance.approvers}:
        raise InputError(WORDS("approval.uncalled", allowed=", ".join(governance.approvers), **about))
    if not event.report:
        raise StateError(WORDS("approval.report", name=event.name, version=event.version[:12]), place)
    if found.validation is not None and not found.validation.passed and not event.comment.strip():
        raise StateError(WORDS("approval.failed", name=event.name, version=event.version[:12]), place)
    earlier = next((known for known in found.approvals if person(known.by) == who), None)
    if earlier is not None and not found.expired(event.at):
        raise InputError(WORDS("approval.twice", **about))
    if governance.expires:
        start = event.at - Span.parse(governance.expires).micros
        if event.report in {known.report for known in found.approvals if known.at <= start}:
            raise StateError(WORDS("approval.old", name=event.name, version=event.version[:12]), place)


def check_promotion(found: Standing, event: Event, failed_gates: tuple[str, ...], place: Place) -> None:
    """Refuse a promotion to champion that gates, approvals, expiry or retirement stand against.

    Raises
    ------
    StateError
        Naming what stands against it.
    """
    about = {"name": event.name, "version": event.version[:12]}
    if found.status == "retired":
        raise StateError(WORDS("version.retired", **about), place)
    if failed_gates:
        raise StateError(WORDS("promotion.gates", gates=", ".join(failed_gates), **about), place)
    if found.missing:
        given = ", ".join(known.by for known in found.approvals) or "-"
        raise StateError(WORDS("promotion.approvals", missing=found.missing, given=given, **about), place)
    if found.expired(event.at):
        raise StateError(WORDS("promotion.expired", **about), place)
