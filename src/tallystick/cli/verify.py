"""`tally verify`: checks a proof file with the ledger alone; no project, no numpy, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tallystick.cli.words import WORDS
from tallystick.core import InputError, Language
from tallystick.ledger import verify


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(WORDS("file.read", given=str(path), why=error.strerror or str(error))) from None


def verify_file(file: Path, vkey: Path, language: Language) -> tuple[dict[str, Any], str]:
    """Check a proof file against the keys in a file (one a line); returns the verdict as JSON values and as words."""
    keys = [line.strip() for line in _read(vkey).decode("utf-8", "replace").splitlines() if line.strip()]
    verdict = verify(_read(file), keys)
    document = {
        "ok": verdict.ok,
        "origin": verdict.origin,
        "size": verdict.size,
        "index": verdict.index,
        "checks": list(verdict.checks),
        "fault": verdict.fault.text(language) if verdict.fault else None,
        "payload": verdict.payload.decode() if verdict.payload else None,
    }
    if verdict.ok:
        words = WORDS(
            "proof.ok",
            index=verdict.index,
            size=verdict.size,
            origin=verdict.origin,
            checks=", ".join(verdict.checks),
        )
    else:
        words = WORDS("proof.failed", fault=document["fault"])
    return document, words.text(language)
