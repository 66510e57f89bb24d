"""`tally verify`: checks a proof file with the ledger alone; only `--rescore` loads the rooms that decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tallystick.cli.words import WORDS
from tallystick.core import Language
from tallystick.ledger import Verdict
from tallystick.ledger.verifier import read_file, read_keys, read_policy, verdict_document, verdict_words, verify_file


def check_proof(
    file: Path, vkeys: Sequence[Path], policy: Path | None, again: bool, language: Language
) -> tuple[dict[str, Any], str]:
    """Check a proof file; returns the verdict as JSON values and as words.

    `again` takes its decision again from what it carries: "ok" then says that this came out the same too.
    """
    if again:
        return _rescored(file, vkeys, policy, language)
    verdict = verify_file(file, vkeys, policy)
    return verdict_document(verdict, language), verdict_words(verdict, language)


def _rescored(file: Path, vkeys: Sequence[Path], policy: Path | None, language: Language) -> tuple[dict[str, Any], str]:
    from msgspec import to_builtins

    from tallystick.desk import rescore

    found = rescore(read_file(file), read_keys(vkeys), read_policy(policy))
    document = verdict_document(found.verdict, language)
    if not found.verdict.ok:
        return document, verdict_words(found.verdict, language)
    fault = None if found.fault is None else found.fault.text(language)
    document["ok"] = found.ok
    document["rescore"] = {
        "ok": found.ok,
        "fault": fault,
        "outcome": found.outcome,
        "compared": found.compared,
        "differences": to_builtins(found.differences),
    }
    lines = [_held(found.verdict, language)]
    if fault is not None:
        lines.append(WORDS("rescore.fault", fault=fault).text(language))
    elif found.ok:
        lines.append(WORDS("rescore.same", outcome=found.outcome, compared=found.compared).text(language))
    else:
        lines.append(WORDS("rescore.differs", differing=len(found.differences)).text(language))
        lines += [f"{item.what}: {item.recorded} -> {item.replayed}" for item in found.differences]
    return document, "\n".join(lines)


def _held(verdict: Verdict, language: Language) -> str:
    return verdict_words(verdict, language).splitlines()[0]
