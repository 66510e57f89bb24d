"""The letter that goes with every adverse decision: one content, written as text and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from tallystick.compliance.explain import LIMIT, Reason
from tallystick.compliance.reasons import Reasons
from tallystick.compliance.words import LETTER, MONTHS, WORDS
from tallystick.core import InputError, Instant, Language, to_datetime


class Letter(msgspec.Struct, frozen=True):
    """One letter: its language, its title, and the same content as plain text and as an HTML page."""

    language: Language
    title: str
    text: str
    html: str


class _Section(msgspec.Struct, frozen=True):
    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    ordered: bool = False
    close: str = ""


def letter(
    config: Reasons,
    *,
    outcome: str,
    reasons: Sequence[Reason],
    score: int | None,
    decision_id: str,
    decided_at: Instant,
    zone: str,
    language: Language | None = None,
    factors: Sequence[Reason] | None = None,
    known_at: Instant | None = None,
) -> Letter:
    """Write the letter of one adverse decision.

    Parameters
    ----------
    config
        The project's words.
    outcome
        The adverse outcome, such as "decline".
    reasons
        The principal reasons, 1 to 4, from `explain`.
    score
        The score in points, or None where the decision used none: then the letter has no section about it.
    decision_id
        The number to quote; `tally prove` finds the proof by it.
    decided_at
        When the decision was taken, in microseconds UTC.
    zone
        The time zone in which the customer reads times.
    language
        "en" or "zh"; the project's own when None.
    factors
        Key factors of the score, 0 to 4; those of `reasons` that the score brought when None.
    known_at
        The decision's k: what was known by then counted.

    Returns
    -------
    Letter
        Text and HTML with the same content; the page needs nothing from a network.

    Raises
    ------
    InputError
        When the outcome is not adverse, or the number of reasons or factors is out of range.

    Notes
    -----
    Action and specific reasons: 12 CFR 1002.9. Score, range, date, key factors: FCRA 615(a). Explanation and human
    review: Directive (EU) 2023/2225 Art. 18. Refusal of solely automated decisions: GDPR Art. 22, PIPL Art. 24.
    """
    _refuse(config, outcome, reasons, factors)
    language = language or config.letter.language
    if factors is None:
        factors = [reason for reason in reasons if reason.source == "score"]
    date = _date(decided_at, zone, language)
    title = LETTER("title", date=date).text(language)
    sections = [
        _action(config, outcome, decided_at, known_at, zone, language),
        _Section(
            LETTER("reasons.heading").text(language),
            (LETTER("reasons.lead").text(language),),
            tuple(reason.text(language) for reason in reasons),
            ordered=True,
        ),
        *([] if score is None else [_score(config, score, factors, date, language)]),
        *_rights(config, decision_id, language),
    ]
    head = config.letter
    contacts = [
        (LETTER(f"contact.{name}").text(language), getattr(head, name)) for name in ("contact", "phone", "address")
    ]
    content = {
        "language": language,
        "title": title,
        "head": head,
        "date": date,
        "greeting": LETTER("greeting").text(language),
        "sections": sections,
        "contacts": contacts,
        "closing": LETTER("closing").text(language),
        "colon": "：" if language == "zh" else ": ",
    }
    pages = [_templates(name).get_template(name).render(content) for name in ("letter.txt", "letter.html")]
    return Letter(language, title, pages[0], pages[1])


def _refuse(config: Reasons, outcome: str, reasons: Sequence[Reason], factors: Sequence[Reason] | None) -> None:
    if not config.is_adverse(outcome):
        raise InputError(WORDS("letter.favourable", outcome=outcome, allowed=", ".join(config.letter.adverse)))
    if not 1 <= len(reasons) <= LIMIT:
        raise InputError(WORDS("letter.reasons", outcome=outcome, given=len(reasons)))
    if factors is not None and len(factors) > LIMIT:
        raise InputError(WORDS("letter.factors", outcome=outcome, given=len(factors)))


def _action(
    config: Reasons, outcome: str, decided_at: Instant, known_at: Instant | None, zone: str, language: Language
) -> _Section:
    action = config.actions[outcome].text(language).rstrip(".。")
    lines = [LETTER("action", moment=_moment(decided_at, zone, language), action=action).text(language)]
    if known_at is not None:
        lines.append(LETTER("known", known=_moment(known_at, zone, language)).text(language))
    return _Section(LETTER("action.heading").text(language), tuple(lines))


def _score(config: Reasons, score: int, factors: Sequence[Reason], date: str, language: Language) -> _Section:
    low, high = config.letter.score_range
    lines = [LETTER("score", date=date, score=score, low=low, high=high).text(language)]
    if factors:
        lines.append(LETTER("factors.lead").text(language))
    items = tuple(factor.text(language) for factor in factors)
    return _Section(LETTER("score.heading").text(language), tuple(lines), items, ordered=True)


def _rights(config: Reasons, decision_id: str, language: Language) -> list[_Section]:
    rights = [
        LETTER(f"rights.{name}", days=config.letter.review_days).text(language)
        for name in ("explanation", "review", "objection", "correction")
    ]
    sections = [
        _Section(
            LETTER("rights.heading").text(language),
            (LETTER("rights.lead").text(language),),
            tuple(rights),
            close=LETTER("rights.close").text(language),
        ),
        _Section(LETTER("ask.heading").text(language), (LETTER("ask", decision=decision_id).text(language),)),
    ]
    if config.letter.notice is not None:
        notice = _Section(LETTER("notice.heading").text(language), (config.letter.notice.text(language),))
        sections.insert(1, notice)
    return sections


def _date(instant: Instant, zone: str, language: Language) -> str:
    moment = to_datetime(instant, zone)
    month = str(moment.month) if language == "zh" else MONTHS[moment.month - 1]
    return LETTER("date", year=moment.year, month=month, day=moment.day).text(language)


def _moment(instant: Instant, zone: str, language: Language) -> str:
    clock = to_datetime(instant, zone).strftime("%H:%M:%S")
    return LETTER("moment", date=_date(instant, zone, language), clock=clock, zone=zone).text(language)


@cache
def _templates(name: str) -> Environment:
    return Environment(
        loader=PackageLoader("tallystick.compliance"),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
