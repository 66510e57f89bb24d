"""`tally verify --rescore`: a proved decision taken again; this alone loads the rooms that decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs, to_builtins

from tallystick.cli.evidence_words import WORDS
from tallystick.core import Language
from tallystick.desk import rescore
from tallystick.ledger import Policy
from tallystick.ledger.verifier import verdict_document, verdict_words


def take_again(
    bundle: bytes, vkeys: Sequence[str], policy: Policy | None, language: Language
) -> tuple[dict[str, Any], str]:
    """Check a proof file and take its decision again; "ok" says that the proof holds and no bit came out otherwise."""
    found = rescore(bundle, vkeys, policy)
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
    lines = [verdict_words(structs.replace(found.verdict, files={}), language)]
    if fault is not None:
        lines.append(WORDS("rescore.fault", fault=fault).text(language))
    elif found.ok:
        lines.append(WORDS("rescore.same", outcome=found.outcome, compared=found.compared).text(language))
    else:
        lines.append(WORDS("rescore.differs", differing=len(found.differences)).text(language))
        lines += [f"{item.what}: {item.recorded} -> {item.replayed}" for item in found.differences]
    return document, "\n".join(lines)
