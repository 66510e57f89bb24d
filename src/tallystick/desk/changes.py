"""Changed definitions as leaves: which labels and which files of rules stood when a desk opened."""

from __future__ import annotations

import hashlib

import msgspec
import sqlalchemy as sql

from tallystick.desk.index import evidence_at, last_evidence
from tallystick.desk.journal import Journal
from tallystick.desk.project import Project
from tallystick.desk.settings import SETTINGS
from tallystick.store import read_bytes

LABELS = "label definition"
POLICY = "policy change"
"""The kinds of the leaves."""

_RULES = (SETTINGS, "sources.toml", "models.toml", "flows.toml", "reasons.toml", "retention.toml")


class Change(msgspec.Struct, frozen=True):
    """What stands from a leaf on: name → version, and the names that are new, other or gone since the leaf before.

    Labels are named with their content version, files with the SHA-256 (hex) of their bytes.
    """

    stands: dict[str, str]
    changed: tuple[str, ...]


def publish_changes(project: Project, journal: Journal, index: sql.Engine) -> int:
    """Buffer a leaf for labels, and one for the files of rules, where they are not those of the last leaf; how many.

    A desk calls it when it opens, before it decides: so every decision lies behind the leaf of what it was taken by.
    The index must be that of the journal as it is.
    """
    now = {LABELS: dict(sorted(project.library.versions.items())), POLICY: rules_of(project)}
    published = 0
    for kind, stands in now.items():
        before = _last(journal, index, kind)
        names = sorted(name for name in before.keys() | stands.keys() if before.get(name) != stands.get(name))
        if names:
            journal.append_evidence(kind, msgspec.to_builtins(Change(stands, tuple(names))))
            published += 1
    return published


def rules_of(project: Project) -> dict[str, str]:
    """The SHA-256 (hex) of every file that says how the project decides, by its path in the project."""
    names = [*_RULES, project.settings.ledger.policy]
    names += sorted(f"decisions/{path.name}" for path in (project.root / "decisions").glob("*.dmn"))
    return {
        name: hashlib.sha256(read_bytes(project.root / name)).hexdigest()
        for name in names
        if name and (project.root / name).is_file()
    }


def _last(journal: Journal, index: sql.Engine, kind: str) -> dict[str, str]:
    """What the last leaf of a kind says that stands."""
    position = last_evidence(index, kind)
    if position is None:
        return {}
    return msgspec.convert({**evidence_at(journal, index, position, (kind,)).payload}, Change).stands
