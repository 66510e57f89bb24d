"""Sources as records: what sources.toml says, checked."""

from __future__ import annotations

from typing import Any

import msgspec

from tallystick.core import Field, Span, content_version

SEMANTICS = 1
"""Raised when the same declaration would read the same bytes differently."""


class Check(msgspec.Struct, frozen=True):
    """What a value of a field must obey; None and "" ask nothing.

    `allowed`, `min` and `max` are held values; the bounds of an instant stay text, because a local time needs the zone.
    """

    allowed: tuple[Any, ...] | None = None
    min: Any = None
    max: Any = None
    pattern: str = ""


class Period(msgspec.Struct, frozen=True):
    """One step of a melt: the instant of its events, and which column fills which field."""

    at: str
    columns: dict[str, str]


class Melt(msgspec.Struct, frozen=True):
    """How one wide row becomes an event per period; `id` is a template over source columns and `{at}`."""

    id: str
    periods: tuple[Period, ...]


class Source(msgspec.Struct, frozen=True):
    """One source of facts: where its files lie, how they are read, and what each row must be.

    `id`, `at`, `known_at`, `revision`, `retract` and `subject` name fields ("" where there is none); without `known_at`
    a fact is known when it happens, without `revision` every fact is revision 0.
    """

    name: str
    files: tuple[str, ...]
    format: str
    id: str
    at: str
    fields: dict[str, Field]
    columns: dict[str, str]
    constants: dict[str, Any]
    checks: dict[str, Check]
    known_at: str = ""
    revision: str = ""
    retract: str = ""
    subject: str = ""
    owner: str = ""
    description: str = ""
    lateness: Span = Span(0)
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    null: tuple[str, ...] = ("",)
    melt: Melt | None = None

    @property
    def version(self) -> str:
        """The content version of what decides the facts: neither the files' place, nor owner, description, purposes."""
        content = msgspec.to_builtins(self)
        for key in ("files", "owner", "description"):
            del content[key]
        for field in content["fields"].values():
            del field["purposes"]
        return content_version("source", content, SEMANTICS)
