"""tallystick.toml: what the project is called, where its things lie, and how its log is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tallystick.core import Language, Span, UsageError, minor_digits, zone_of
from tallystick.core.toml import keyed, parsed, read_toml
from tallystick.desk.words import WORDS
from tallystick.ledger import check_name
from tallystick.store import read_bytes

SETTINGS = "tallystick.toml"
STATE = {"folder": None, "settled": Span.parse, "journal": None, "turn": Span.parse, "replica": None}
"""The keys of `[state]`, and what must take their values."""


def _check_origin(text: str) -> None:
    if text:
        check_name(text)


class ProjectTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[project]`: what the project is called, its currency, time zone, language and sequencer clock."""

    name: str
    currency: Annotated[str, parsed(minor_digits)] = "EUR"
    time_zone: Annotated[str, parsed(zone_of)] = "UTC"
    language: Language = "en"
    clock: Literal["events", "system"] = "system"


class LedgerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[ledger]`: the log's name, its cryptography, who must cosign it, and how often it is signed.

    `origin` is the log's name to strangers (made of the project's name when it is empty). `profile` chooses SHA-256 and
    Ed25519, or SM3, SM2 and SM4. `policy` is a tlog-policy file in the project folder, which names witnesses, their
    addresses and the quorum. `checkpoint` is how long a decision waits at most for a signed checkpoint while events
    come.
    """

    origin: Annotated[str, parsed(_check_origin)] = ""
    profile: Literal["international", "domestic"] = "international"
    policy: str = ""
    checkpoint: Annotated[str, parsed(Span.parse)] = "10s"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """tallystick.toml: `[project]`, `[paths]` (named folders for sources), `[state]` and `[ledger]`."""

    project: ProjectTable
    paths: dict[str, str] = {}
    state: Annotated[dict[str, str], keyed(STATE)] = {}
    ledger: LedgerTable = LedgerTable()


def read_settings(root: Path) -> Settings:
    """Read tallystick.toml of a project folder.

    Raises
    ------
    UsageError
        When `root` is not a project folder.
    DefinitionErrors
        With every unknown key and every wrong value, each with its line.
    """
    if not (root / SETTINGS).is_file():
        raise UsageError(WORDS("project.none", given=str(root)))
    return read_toml(read_bytes(root / SETTINGS), str(root / SETTINGS), Settings)
