"""Words for people, in English and Chinese: each room keeps one catalogue of templates."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any, Literal

import msgspec

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Message(msgspec.Struct, frozen=True):
    """One sentence for people: a code, its templates and the values that fill them.

    A value that is a message itself is said in the language of the whole.

    Examples
    --------
    >>> Message("greet", "Good day, {name}.", "您好，{name}。", {"name": "Ana"}).text("zh")
    '您好，Ana。'
    """

    code: str
    en: str
    zh: str
    params: Mapping[str, Any] = {}

    def text(self, language: Language = "en") -> str:
        """Fill the template of `language` ("en" or "zh")."""
        said = {key: part.text(language) if isinstance(part, Message) else part for key, part in self.params.items()}
        return (self.zh if language == "zh" else self.en).format(**said)

    def __str__(self) -> str:
        return self.text("en")


class Catalogue:
    """The messages of one room: code → (English, Chinese), with the same placeholders in both.

    Raises
    ------
    ValueError
        When the two templates of a code name different placeholders: found at import, so it cannot ship.

    Examples
    --------
    >>> words = Catalogue({"greet": ("Good day, {name}.", "您好，{name}。")})
    >>> words("greet", name="Ana").text("en")
    'Good day, Ana.'
    """

    def __init__(self, templates: Mapping[str, tuple[str, str]]) -> None:
        for code, (en, zh) in templates.items():
            if _placeholders(en) != _placeholders(zh):
                raise ValueError(f"message {code!r}: English names {_placeholders(en)}, Chinese {_placeholders(zh)}")
        self._templates = dict(templates)

    def __call__(self, code: str, /, **params: Any) -> Message:
        """The message of `code`, with the values of its placeholders."""
        en, zh = self._templates[code]
        return Message(code, en, zh, params)

    def __contains__(self, code: object) -> bool:
        return code in self._templates

    def codes(self) -> tuple[str, ...]:
        """All codes of this catalogue, in the order they were written."""
        return tuple(self._templates)


def _placeholders(template: str) -> list[str]:
    return sorted({name for _, name, _, _ in Formatter().parse(template) if name is not None})
