"""From reason codes and lost points to the few specific reasons that a customer is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from tallystick.compliance.reasons import ASIDE, Reasons, ReasonText, unknown_code
from tallystick.compliance.words import LETTER, WORDS
from tallystick.core import LANGUAGES, FieldType, InputError, Language, format_minor

LIMIT = 4
_HOUR = 3_600_000_000
_LONGEST = 120


class Reason(msgspec.Struct, frozen=True):
    """One reason in words: its code, both texts, and whether a rule or the score brought it."""

    code: str
    en: str
    zh: str
    source: Literal["rule", "score"]
    label: str = ""
    points_lost: int = 0

    def text(self, language: Language) -> str:
        """The reason in `language`."""
        return self.zh if language == "zh" else self.en


def explain(
    reasons: Reasons,
    codes: Sequence[str],
    losses: Sequence[tuple[str, int, Any]],
    limit: int = LIMIT,
    values: Mapping[str, Any] | None = None,
) -> tuple[Reason, ...]:
    """The specific reasons of one decision: the matched rules' codes in order, then lost points by size.

    A code is told once. A label that lost points because its value is missing is told by the reason whose
    `missing_labels` name it, never by a reason about a value that nobody saw; without such a reason it is left out.

    Parameters
    ----------
    reasons
        The project's words.
    codes
        Reason codes of the matched rules, in the order in which the rules count.
    losses
        (label, points lost against the model's baseline, held value or None), in any order.
    limit
        How many reasons at most, 1 to 4.
    values
        Held label values, to fill `{value}` in a rule's reason.

    Returns
    -------
    tuple of Reason
        At most `limit` reasons, no code twice.

    Raises
    ------
    DefinitionError
        For a rule's code without words.
    InputError
        For a limit outside 1 to 4.

    Notes
    -----
    At most four reasons, the key factors of FCRA 609(f)(2)(B) and the advice of 12 CFR 1002.9(b)(2) in its
    official interpretation; equal losses are ordered by the label's name.

    Examples
    --------
    >>> from tallystick.compliance import LetterHead, Reasons, ReasonText, Wording
    >>> head = LetterHead("Bank", "Care", "1", "Street 1", 30, ("decline",), (300, 850))
    >>> words = Wording("You use much of your credit line ({value})", "您已使用大部分额度（{value}）")
    >>> book = Reasons(head, {}, {"HIGH_USE": ReasonText("HIGH_USE", words, ("use_1m",), show="percent")})
    >>> [reason.en for reason in explain(book, [], [("use_1m", 31, 0.87)])]
    ['You use much of your credit line (87%)']
    """
    if not 1 <= limit <= LIMIT:
        raise InputError(WORDS("limit", given=limit))
    known = {label: value for label, _, value in losses} | dict(values or {})
    found: dict[str, Reason] = {}
    for code in codes:
        if code not in reasons.reasons:
            raise unknown_code(code, reasons)
        text = reasons.reasons[code]
        label = next((label for label in text.labels if known.get(label) is not None), "")
        found.setdefault(code, _filled(text, "rule", label, 0, known.get(label)))
    present = {label: text for text in reasons.reasons.values() for label in text.labels}
    missing = {label: text for text in reasons.reasons.values() for label in text.missing_labels}
    for label, points, value in sorted(losses, key=lambda loss: (-loss[1], loss[0])):
        said = (missing if value is None else present).get(label)
        if points > 0 and said is not None:
            found.setdefault(said.code, _filled(said, "score", label, points, value))
    return tuple(found.values())[:limit]


def _filled(text: ReasonText, source: Literal["rule", "score"], label: str, points: int, value: Any) -> Reason:
    told: list[str] = []
    for language in LANGUAGES:
        words = text.words.text(language)
        shown = "" if value is None else show_value(value, text.show, language)
        told.append((ASIDE.sub("", words) if value is None else words).format(value=shown))
    return Reason(text.code, told[0], told[1], source, label, points)


def show_value(value: Any, show: str, language: Language) -> str:
    """Write a held value for a customer; text is put on one line and cut at 120 characters.

    Examples
    --------
    >>> show_value(123450, "money(EUR)", "en")
    'EUR 1,234.50'
    >>> show_value(3 * 86_400_000_000, "duration", "zh")
    '3 天'
    """
    if isinstance(value, bool):
        return LETTER("yes" if value else "no").text(language)
    if isinstance(value, str) or not isinstance(value, int | float):
        line = " ".join(str(value).split())
        return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    if show.startswith("money"):
        currency = FieldType.parse(show).currency
        return f"{currency} {Decimal(format_minor(round(value), currency)):,}"
    if show == "percent":
        return f"{value:.0%}"
    if show == "days":
        return _counted("day", round(value), language)
    if show == "duration":
        hours = int(value) // _HOUR
        return _counted("hour", hours, language) if hours < 24 else _counted("day", hours // 24, language)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def _counted(unit: str, count: int, language: Language) -> str:
    return LETTER(unit if count == 1 else unit + "s", n=f"{count:,}").text(language)
