"""`reasons.toml`: the words of a project's reasons, actions and letters, read and checked in one pass."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec

from tallystick.compliance.words import WORDS
from tallystick.core import (
    LANGUAGES,
    DefinitionError,
    Faults,
    FieldType,
    InputError,
    Language,
    Place,
    StateError,
    TallystickError,
    content_version,
)
from tallystick.core.system import system_words

SHOWS = ("number", "percent", "days", "duration", "money(EUR)")
_SEMANTICS = 1
_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_EMPTY_CODES = {"OTHER", "OTHERS", "MISC", "UNKNOWN", "GENERAL", "NONE"}
_TOML_SPOT = re.compile(r"\(at line (\d+), column (\d+)\)")
# A value may only stand in parentheses, half or full width: then the sentence stands without it.
ASIDE = re.compile(r"\s*[(（][^()（）]*\{value\}[^()（）]*[)）]")


class Wording(msgspec.Struct, frozen=True):
    """One text in both languages."""

    en: str
    zh: str

    def text(self, language: Language) -> str:
        """The text in `language`."""
        return self.zh if language == "zh" else self.en


class LetterHead(msgspec.Struct, frozen=True):
    """Who writes, whom to ask, which outcomes are adverse, and the range of the score in points."""

    organisation: str
    contact: str
    phone: str
    address: str
    review_days: int
    adverse: tuple[str, ...]
    score_range: tuple[int, int]
    language: Language = "en"
    notice: Wording | None = None


class ReasonText(msgspec.Struct, frozen=True):
    """The words of one reason code, and the labels whose lost points it explains.

    `labels` are explained when their value is there, `missing_labels` when it is missing; `show` says how `{value}`
    is written: number, percent, days, duration (from microseconds) or money(EUR) (from minor units).
    """

    code: str
    words: Wording
    labels: tuple[str, ...] = ()
    missing_labels: tuple[str, ...] = ()
    show: str = ""


class Reasons(msgspec.Struct, frozen=True):
    """A project's words for its customers."""

    letter: LetterHead
    actions: Mapping[str, Wording]
    reasons: Mapping[str, ReasonText]
    file: str = ""

    @property
    def version(self) -> str:
        """The content version of these words; the file's place does not count."""
        content = {"letter": self.letter, "actions": self.actions, "reasons": self.reasons}
        return content_version("reasons", content, _SEMANTICS)

    def is_adverse(self, outcome: str) -> bool:
        """Whether `outcome` is adverse, so that a letter is due."""
        return outcome in self.letter.adverse

    def check(
        self, labels: Iterable[str], outcomes: Iterable[str], codes: Iterable[str] = (), missing: Iterable[str] = ()
    ) -> None:
        """Hold these words against the models and decisions that use them.

        Parameters
        ----------
        labels
            Labels of the models: each needs a reason.
        outcomes
            Every outcome that the decision can give.
        codes
            Every reason code that a rule can give.
        missing
            Labels that can lose points for a missing value: each needs a reason that says so.

        Raises
        ------
        DefinitionErrors
            With every fault: a label or code without a reason, an adverse outcome that the decision never gives.
        """
        faults = Faults()
        place = Place(self.file)
        said = {label for reason in self.reasons.values() for label in reason.labels}
        said_missing = {label for reason in self.reasons.values() for label in reason.missing_labels}
        for label in dict.fromkeys(labels):
            if label not in said:
                faults.add(DefinitionError(WORDS("label.reason", label=label, hint=_hint(label, said)), place))
        for label in dict.fromkeys(missing):
            if label not in said_missing:
                faults.add(DefinitionError(WORDS("label.missing", label=label), place))
        given = list(dict.fromkeys(outcomes))
        for outcome in self.letter.adverse:
            if outcome not in given:
                words = WORDS("outcome.unknown", outcome=outcome, allowed=", ".join(given), hint=_hint(outcome, given))
                faults.add(DefinitionError(words, Place(self.file, cell="letter.adverse")))
        for code in dict.fromkeys(codes):
            if code not in self.reasons:
                faults.add(unknown_code(code, self))
        faults.raise_any()


def read_reasons(path: Path | str) -> Reasons:
    """Read a project's `reasons.toml`; every fault of the file is shown together.

    Parameters
    ----------
    path
        The TOML file; docs/reasons.md explains its keys.

    Returns
    -------
    Reasons
        The checked words; hold them against models and decisions with `Reasons.check`.

    Raises
    ------
    StateError
        When the file cannot be read.
    DefinitionErrors
        With every fault, each with its place in the file.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise StateError(WORDS("file.missing", given=str(path), why=system_words(error)), Place(str(path))) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        spot = _TOML_SPOT.search(str(error))
        place = Place(str(path), int(spot[1]), int(spot[2])) if spot else Place(str(path))
        raise DefinitionError(WORDS("file.toml", why=_TOML_SPOT.sub("", str(error)).strip()), place) from None
    return _Reader(str(path)).read(table)


def unknown_code(code: str, reasons: Reasons) -> TallystickError:
    """The fault of a reason code without words."""
    allowed = ", ".join(reasons.reasons)
    return DefinitionError(
        WORDS("code.unknown", given=code, allowed=allowed, hint=_hint(code, reasons.reasons)), Place(reasons.file)
    )


def _hint(name: str, known: Iterable[str]) -> Any:
    near = get_close_matches(name, list(known), n=1)
    return WORDS("hint", name=near[0]) if near else ""


class _Reader:
    """Walks the table once and keeps every fault it meets."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults = Faults()

    def fault(self, cell: str, code: str, **params: Any) -> None:
        self.faults.add(DefinitionError(WORDS(code, **params), Place(self.file, cell=cell)))

    def read(self, table: Mapping[str, Any]) -> Reasons:
        self.keys("", table, ("letter", "actions", "reasons"))
        letter = self.letter(self.table("letter", table))
        actions = {}
        for outcome, body in self.table("actions", table, required=False).items():
            body = self.table(outcome, {outcome: body}, f"actions.{outcome}")
            self.keys(f"actions.{outcome}", body, ("en", "zh"))
            actions[outcome] = self.wording(f"actions.{outcome}", body, value=False)
        reasons = {}
        for code, body in self.table("reasons", table).items():
            reasons[code] = self.reason(code, self.table(code, {code: body}, f"reasons.{code}"))
        for outcome in letter.adverse:
            if outcome not in actions:
                self.fault("letter.adverse", "action.missing", outcome=outcome)
        for kind in ("labels", "missing_labels"):
            owner: dict[str, str] = {}
            for code, reason in reasons.items():
                for label in getattr(reason, kind):
                    first = owner.setdefault(label, code)
                    if first != code:
                        self.fault(f"reasons.{code}.{kind}", "label.twice", label=label, first=first, second=code)
        self.faults.raise_any()
        return Reasons(letter, actions, reasons, self.file)

    def letter(self, body: Mapping[str, Any]) -> LetterHead:
        self.keys("letter", body, LetterHead.__struct_fields__)
        days = body.get("review_days")
        if not isinstance(days, int) or isinstance(days, bool) or days < 1:
            self.value("letter.review_days", days, "a whole number of days, 1 or more")
            days = 1
        bounds = body.get("score_range")
        whole = isinstance(bounds, list) and [type(bound) for bound in bounds] == [int, int]
        if not isinstance(bounds, list) or not whole or bounds[0] >= bounds[1]:
            self.value("letter.score_range", bounds, "two whole numbers, lowest first, such as [300, 850]")
            bounds = [0, 1]
        language = body.get("language", "en")
        if language not in LANGUAGES:
            self.value("letter.language", language, " or ".join(LANGUAGES))
        notice = None
        if "notice" in body:
            notice = self.wording("letter.notice", self.table("notice", body, "letter.notice"), value=False)
        return LetterHead(
            organisation=self.text("letter.organisation", body),
            contact=self.text("letter.contact", body),
            phone=self.text("letter.phone", body),
            address=self.text("letter.address", body),
            review_days=days,
            adverse=self.names("letter.adverse", body, required=True),
            score_range=(bounds[0], bounds[1]),
            language=language,
            notice=notice,
        )

    def reason(self, code: str, body: Mapping[str, Any]) -> ReasonText:
        cell = f"reasons.{code}"
        if not _CODE.fullmatch(code):
            self.value(cell, code, "capital letters, digits and _, such as HIGH_UTILISATION")
        if code in _EMPTY_CODES:
            self.fault(cell, "code.other", given=code)
        self.keys(cell, body, ("en", "zh", "labels", "missing_labels", "show"))
        show = body.get("show", "")
        if show and not _is_show(show):
            self.value(f"{cell}.show", show, ", ".join(SHOWS))
        labels, missing = self.names(f"{cell}.labels", body), self.names(f"{cell}.missing_labels", body)
        return ReasonText(code, self.wording(cell, body, value=True), labels, missing, show)

    def wording(self, cell: str, body: Mapping[str, Any], *, value: bool) -> Wording:
        texts = [self.text(f"{cell}.{language}", body) for language in LANGUAGES]
        for language, text in zip(LANGUAGES, texts, strict=True):
            if value:
                self.placeholders(f"{cell}.{language}", text)
        return Wording(*texts)

    def placeholders(self, cell: str, text: str) -> None:
        try:
            parts = [part for part in Formatter().parse(text) if part[1] is not None]
        except ValueError:
            self.fault(cell, "text.braces", given=text)
            return
        for _, name, spec, conversion in parts:
            if name != "value" or spec or conversion:
                self.fault(cell, "text.placeholder", given=f"{name}{'!' if conversion else ''}{conversion or ''}{spec}")
        if "{value}" in ASIDE.sub("", text):
            self.fault(cell, "text.value")

    def text(self, cell: str, body: Mapping[str, Any]) -> str:
        name = cell.rpartition(".")[2]
        given = body.get(name)
        if given is None:
            self.fault(cell, "key.missing", given=name, allowed="text")
        elif not isinstance(given, str) or not given.strip():
            self.value(cell, given, "text that is not empty")
        else:
            return " ".join(given.split())
        return ""

    def names(self, cell: str, body: Mapping[str, Any], *, required: bool = False) -> tuple[str, ...]:
        name = cell.rpartition(".")[2]
        given = body.get(name, None if required else [])
        if not isinstance(given, list) or not all(isinstance(item, str) for item in given) or (required and not given):
            self.value(cell, given, "a list of names in quotes")
            return ()
        return tuple(dict.fromkeys(given))

    def table(self, name: str, body: Mapping[str, Any], cell: str = "", *, required: bool = True) -> Mapping[str, Any]:
        given = body.get(name)
        if isinstance(given, dict):
            return given
        if given is None and required:
            self.fault(cell or name, "key.missing", given=name, allowed=f"a table [{cell or name}]")
        elif given is not None:
            self.value(cell or name, given, f"a table [{cell or name}]")
        return {}

    def keys(self, cell: str, body: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
        for key in body:
            if key not in allowed:
                self.fault(cell, "key.unknown", given=key, allowed=", ".join(allowed), hint=_hint(key, allowed))

    def value(self, cell: str, given: object, allowed: str) -> None:
        self.fault(cell, "key.value", name=cell, given=repr(given), allowed=allowed)


def _is_show(show: object) -> bool:
    if show in ("number", "percent", "days", "duration"):
        return True
    try:
        return isinstance(show, str) and FieldType.parse(show).kind == "money"
    except InputError:
        return False
