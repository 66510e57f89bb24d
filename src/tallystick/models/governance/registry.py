"""The registry: a folder of models by name and version, and the history of what became of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tallystick.core import InputError, Instant, Place, Span, StateError, TamperError
from tallystick.models.container import SUFFIX, read_card
from tallystick.models.governance.history import History
from tallystick.models.governance.records import Event, Governance
from tallystick.models.governance.standing import (
    Standing,
    champion_of,
    check_approval,
    check_promotion,
    standing,
)
from tallystick.models.governance.words import WORDS
from tallystick.models.loading import load
from tallystick.models.serving import Model

_VERSION = re.compile(r"[0-9a-f]{64}")
_HISTORY = "history"


class Passed(Protocol):
    """What holds a model, as the result of training does."""

    @property
    def model(self) -> Model:
        """The model."""


class Entry(msgspec.Struct, frozen=True):
    """One stored version: where it stands, by which rules, and its card; `damaged` where its file is."""

    name: str
    version: str
    standing: Standing
    governance: Governance
    card: dict[str, Any]
    damaged: bool = False


def save(model: Passed | Model, folder: str | Path) -> str:
    """Write a model to folder/<name>/<version>.tally and give its version.

    The version is the hash of the content: saving the same model twice changes nothing.
    """
    stored = model if isinstance(model, Model) else model.model
    path = Path(folder) / stored.name / f"{stored.version}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return stored.save(path)


class Registry:
    """Models in a folder, and the history of their versions.

    Parameters
    ----------
    folder
        Made on the first save.
    declared
        What the recipes of today ask, by model. With what the version's own recipe asked, the stricter holds.

    Examples
    --------
    >>> Registry("nowhere").entries()
    []
    """

    def __init__(self, folder: str | Path, declared: Mapping[str, Governance] | None = None) -> None:
        self.folder = Path(folder)
        self.history = History(self.folder / _HISTORY)
        self._declared = declared or {}

    def versions(self, name: str) -> tuple[str, ...]:
        """The stored versions of a model, in no order of time."""
        home = self.folder / name
        found = sorted(home.glob(f"*{SUFFIX}")) if home.is_dir() else []
        return tuple(path.stem for path in found if _VERSION.fullmatch(path.stem))

    def names(self) -> tuple[str, ...]:
        """The models that have a stored version."""
        homes = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        return tuple(home.name for home in homes if self.versions(home.name))

    def resolve(self, name: str, version: str = "") -> str:
        """The stored version that begins with `version`; the champion without it.

        Raises
        ------
        StateError
            When there is none.
        InputError
            When several versions begin so.
        """
        stored = self.versions(name)
        if not stored:
            raise StateError(WORDS("registry.unknown", name=name, allowed=", ".join(self.names()) or "-"))
        if not version:
            return self._champion(name)
        found = [each for each in stored if each.startswith(version)]
        if not found:
            allowed = ", ".join(each[:12] for each in stored)
            raise StateError(WORDS("registry.absent", name=name, version=version, allowed=allowed), self._place(name))
        if len(found) > 1:
            allowed = ", ".join(each[:12] for each in found)
            raise InputError(WORDS("registry.several", name=name, version=version, allowed=allowed))
        return found[0]

    def entries(self, name: str = "") -> list[Entry]:
        """Stored versions by name then version, of one model or all; a file is verified only when it is loaded.

        A damaged file is an entry without a card, by today's rules, so that it does not hide the others.
        """
        events = self.history.events()
        found = []
        for each in (name,) if name else self.names():
            for version in self.versions(each):
                try:
                    found.append(self._entry(events, each, version))
                except TamperError:
                    rules = self._rules(each, {})
                    found.append(Entry(each, version, standing(events, each, version, rules), rules, {}, True))
        return found

    def entry(self, name: str, version: str) -> Entry:
        """One stored version by its whole name."""
        return self._entry(self.history.events(), name, version)

    def champion(self, name: str) -> str | None:
        """The champion's version, or None while there is none."""
        found = champion_of(self.history.events(), name)
        return None if found is None else found.version

    def challengers(self, name: str) -> tuple[str, ...]:
        """The versions that are scored beside the champion."""
        return tuple(each.version for each in self.entries(name) if each.standing.status == "challenger")

    def load(self, name: str, version: str | None = None) -> Model:
        """Open a version, by default the champion.

        Raises
        ------
        StateError
            Where there is none.
        TamperError
            When a byte is not what was written, or it is another model's file.
        """
        wanted = version or self._champion(name)
        path = self.path(name, wanted)
        model = load(path)
        if not isinstance(model, Model) or model.name != name:
            raise TamperError(WORDS("registry.other", given=getattr(model, "name", "-"), name=name), Place(str(path)))
        return model

    def serving(self, name: str, now: Instant) -> Model:
        """Open the champion to answer with; refused where it has expired and its rules say so."""
        model = self.load(name)
        entry = self.entry(name, model.version)
        if entry.governance.when_expired == "refuse" and entry.standing.expired(now):
            raise StateError(WORDS("champion.expired", name=name), self._place(name))
        return model

    def admit(self, model: Passed | Model, *, at: Instant, trained: bool = True) -> Standing:
        """Store a model as training left it; gates alone promote it where it was trained and no approval is asked.

        A version that was retired, that a person replaced by another or made a challenger, is not promoted by being
        trained again.
        """
        stored = model if isinstance(model, Model) else model.model
        version = save(stored, self.folder)
        name = stored.name
        with self.history.editing() as (events, add):
            if not any(event.name == name and event.version == version for event in events):
                add(Event("stored", name, version, "", at))
            entry = self._entry(events, name, version)
            champion = champion_of(events, name)
            chosen = champion is not None and champion.by != "" and _was_champion(events, name, version)
            free = trained and not chosen and not entry.governance.approvals and not entry.standing.expired(at)
            if free and entry.standing.status == "candidate" and not failed_gates(entry.card):
                add(Event("promoted", name, version, "", at))
        return self.entry(name, version).standing

    def validated(
        self, name: str, version: str, *, at: Instant, report: str, passed: bool, by: str = "", comment: str = ""
    ) -> Standing:
        """Note a validation: the SHA-256 (hex) of its report, and whether it found no fault."""
        return self._step(Event("validated", name, version, by, at, comment, report, passed))

    def approve(
        self, name: str, version: str, *, by: str, at: Instant, comment: str = "", report: str = ""
    ) -> Standing:
        """Note that a person approves a version, on the report of its latest validation unless one is named.

        Raises
        ------
        InputError
            When the person may not: owner, developer, not called to it, or approved it before.
        StateError
            When the version is retired, or nothing was validated.
        """
        return self._step(Event("approved", name, version, by, at, comment, report))

    def promote(self, name: str, version: str, *, by: str, at: Instant, comment: str = "") -> Standing:
        """Make a version the champion; raises `StateError` where gates, approvals, expiry or retirement forbid it."""
        return self._step(Event("promoted", name, version, by, at, comment))

    def challenge(self, name: str, version: str, *, by: str, at: Instant, comment: str = "") -> Standing:
        """Make a version a challenger, which scores beside the champion and decides nothing."""
        return self._step(Event("challenger", name, version, by, at, comment))

    def retire(self, name: str, version: str, *, by: str, at: Instant, comment: str) -> Standing:
        """Retire a version for good; it is kept for replay. A champion leaves its place empty."""
        return self._step(Event("retired", name, version, by, at, comment))

    def path(self, name: str, version: str) -> Path:
        """Where a version's file lies."""
        return self.folder / name / f"{version}{SUFFIX}"

    def _step(self, event: Event) -> Standing:
        """Check one step against what stands and write it, while nobody else writes."""
        self.load(event.name, event.version)
        with self.history.editing() as (events, add):
            entry = self._entry(events, event.name, event.version)
            found, place = entry.standing, self._place(event.name)
            about = {"name": event.name, "version": event.version[:12]}
            if event.kind == "approved":
                if not event.report and found.validation is not None:
                    event = msgspec.structs.replace(event, report=found.validation.report)
                check_approval(found, event, entry.governance, place)
            elif event.kind == "promoted":
                check_promotion(found, event, failed_gates(entry.card), place)
            elif found.status == "retired" and event.kind != "validated":
                raise StateError(WORDS("version.retired", **about), place)
            elif event.kind == "retired" and not (event.by.strip() and event.comment.strip()):
                raise InputError(WORDS("retirement.nobody"))
            elif event.kind == "challenger" and found.status == "champion":
                raise StateError(WORDS("challenger.champion", **about), place)
            if not (event.kind == "promoted" and found.status == "champion"):
                add(event)
        return self.entry(event.name, event.version).standing

    def _entry(self, events: Iterable[Event], name: str, version: str) -> Entry:
        card = read_card(self.path(name, version))
        rules = self._rules(name, card)
        return Entry(name, version, standing(events, name, version, rules), rules, card)

    def _rules(self, name: str, card: Mapping[str, Any]) -> Governance:
        own = msgspec.convert(card.get("recipe", {}).get("governance", {}), Governance)
        declared = self._declared.get(name)
        return own if declared is None else stricter(own, declared)

    def _champion(self, name: str) -> str:
        found = self.champion(name)
        if found is None:
            allowed = ", ".join(each[:12] for each in self.versions(name))
            raise StateError(WORDS("registry.champion", name=name, allowed=allowed or "-"), self._place(name))
        return found

    def _place(self, name: str) -> Place:
        return Place(str(self.folder / name))


def failed_gates(card: Mapping[str, Any]) -> tuple[str, ...]:
    """The gates that the training report in a card says were not passed."""
    return tuple(gate["name"] for gate in card.get("report", {}).get("gates", ()) if not gate["passed"])


def stricter(own: Governance, declared: Governance) -> Governance:
    """What a version's own recipe and the recipe of today both allow; words of today.

    Examples
    --------
    >>> stricter(Governance(approvals=2, owner="Ann"), Governance(owner="Bo", expires="90d")).approvals
    2
    """
    spans = sorted(filter(None, (own.expires, declared.expires)), key=lambda span: Span.parse(span).micros)
    owners = [owner for owner in (own.owner,) if owner and owner != declared.owner]
    return msgspec.structs.replace(
        declared,
        owner=declared.owner or own.owner,
        developers=tuple(dict.fromkeys((*declared.developers, *own.developers, *owners))),
        approvals=max(own.approvals, declared.approvals),
        approvers=declared.approvers or own.approvers,
        expires=spans[0] if spans else "",
        when_expired="refuse" if "refuse" in (own.when_expired, declared.when_expired) else "serve",
        purpose=declared.purpose or own.purpose,
        limits=declared.limits or own.limits,
    )


def _was_champion(events: Iterable[Event], name: str, version: str) -> bool:
    return any(event.kind == "promoted" and (event.name, event.version) == (name, version) for event in events)
