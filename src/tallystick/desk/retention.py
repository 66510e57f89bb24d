"""Duties to keep: `retention.toml` says of a stream how long what happened must not be erased, and why."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from tallystick.core import InputError, Instant, Message, to_datetime, to_instant
from tallystick.core.toml import parsed, read_toml
from tallystick.desk.forget_words import WORDS
from tallystick.store import read_bytes

FILE = "retention.toml"
_KEEP = re.compile(r"([1-9]\d{0,3})\s*(y|mo|w|d)")


def _check_keep(text: str) -> None:
    kept_until(0, text, "UTC")


class Duty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the events of a stream are kept, from when they happened, and what asks for that."""

    keep: Annotated[str, parsed(_check_keep)]
    why: str = ""


def read_retention(path: Path, streams: Collection[str]) -> dict[str, Duty]:
    """Read retention.toml; where there is none, nothing must be kept.

    Parameters
    ----------
    path
        The file: a table for each stream, with `keep` ("5y", "18mo", "26w" or "90d") and `why`.
    streams
        The names of the project's sources.

    Returns
    -------
    dict
        Stream → its duty.

    Raises
    ------
    DefinitionErrors
        With every stream that is none, and every time that is none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "retention.toml")
    ...     _ = path.write_text('[payments]\\nkeep = "5y"\\nwhy = "anti-money-laundering law"')
    ...     read_retention(path, ["payments"])["payments"].keep
    '5y'
    """
    if not path.is_file():
        return {}
    allowed = ", ".join(sorted(streams)) or "-"

    def judge(stream: str) -> Message | None:
        return None if stream in streams else WORDS("retention.stream", given=stream, allowed=allowed)

    return read_toml(read_bytes(path), str(path), dict[str, Duty], judge=judge)


def kept_until(at: Instant, keep: str, zone: str) -> Instant:
    """When a duty ends of what happened at an instant: so many calendar units later, by the clocks of a zone.

    Raises
    ------
    InputError
        When `keep` is not a whole number of y, mo, w or d.

    Examples
    --------
    >>> from tallystick.core import format_instant, parse_instant
    >>> format_instant(kept_until(parse_instant("2024-02-29T12:00:00Z"), "1y", "UTC"))
    '2025-02-28T12:00:00Z'
    """
    match = _KEEP.fullmatch(keep.strip())
    if match is None:
        raise InputError(WORDS("retention.keep", given=keep))
    count, unit, moment = int(match[1]), match[2], to_datetime(at, zone)
    if unit in ("w", "d"):
        return to_instant(moment + timedelta(days=count * (7 if unit == "w" else 1)))
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
    year, month = min(months // 12, 9999), months % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return to_instant(moment.replace(year=year, month=month, day=day))
