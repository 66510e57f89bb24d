"""tallystick.toml: what the project is called, where its things lie, and how its log is kept."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from tallystick.core import DefinitionError, InputError, Language, Place, Span, UsageError, zone_of
from tallystick.desk.words import WORDS

T = TypeVar("T")

SETTINGS = "tallystick.toml"


class ProjectTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[project]`: what the project is called, its currency, time zone, language and sequencer clock."""

    name: str
    currency: str = "EUR"
    time_zone: str = "UTC"
    language: Language = "en"
    clock: Literal["events", "system"] = "system"


class LedgerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[ledger]`: the log's name, its cryptography, who must cosign it, and how often it is signed.

    `origin` is the log's name to strangers (made of the project's name when it is empty). `profile` chooses SHA-256 and
    Ed25519, or SM3, SM2 and SM4. `policy` is a tlog-policy file in the project folder, which names witnesses, their
    addresses and the quorum. `checkpoint` is how long a decision waits at most for a signed checkpoint while events
    come.
    """

    origin: str = ""
    profile: Literal["international", "domestic"] = "international"
    policy: str = ""
    checkpoint: str = "10s"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """tallystick.toml: `[project]`, `[paths]` (named folders for sources), `[state]` and `[ledger]`."""

    project: ProjectTable
    paths: dict[str, str] = {}
    state: dict[str, str] = {}
    ledger: LedgerTable = LedgerTable()


def read_toml(path: Path, shape: type[T]) -> T:
    """Read a TOML file as `shape`; raises `DefinitionError` naming file and key."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), shape)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise DefinitionError(WORDS("project.toml", detail=str(error)), Place(str(path))) from None


def read_settings(root: Path) -> Settings:
    """Read tallystick.toml of a project folder.

    Raises
    ------
    UsageError
        When `root` is not a project folder.
    DefinitionError
        When the file has unknown keys or wrong values.
    """
    if not (root / SETTINGS).is_file():
        raise UsageError(WORDS("project.none", given=str(root)))
    settings = read_toml(root / SETTINGS, Settings)
    try:
        zone_of(settings.project.time_zone)
    except InputError as error:
        raise DefinitionError(error.message, Place(str(root / SETTINGS), cell="project.time_zone")) from None
    spans = {"state.settled": settings.state.get("settled", "0d"), "ledger.checkpoint": settings.ledger.checkpoint}
    for cell, text in spans.items():
        try:
            Span.parse(text)
        except InputError as error:
            raise DefinitionError(error.message, Place(str(root / SETTINGS), cell=cell)) from None
    return settings
