"""Writes docs/faces.md: every public name of every room, from `__all__` and the first sentence of its docstring.

`python scripts/faces.py` writes the page; `python scripts/faces.py --check` exits 1 when the page is not what it would
write. A constant has no docstring, so its sentence stands here.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "faces.md"

# From the ground up, as in docs/architecture.md.
ROOMS = (
    "core",
    "core.numeric",
    "store",
    "store.sql",
    "feel",
    "data",
    "ledger",
    "ledger.network",
    "ledger.witness",
    "labels",
    "labels.plan",
    "labels.scale",
    "labels.segments",
    "labels.replica",
    "models",
    "models.portfolio",
    "models.binning",
    "models.scorecard",
    "models.trees",
    "models.serving",
    "models.losses",
    "models.horizon",
    "models.layers",
    "models.recipe",
    "models.training",
    "models.search",
    "models.validation",
    "models.governance",
    "models.monitoring",
    "decisions",
    "compliance",
    "desk",
    "desk.reportdata",
    "console",
    "cli",
    "sim",
)

CONSTANTS = {
    "core.Instant": "Microseconds since 1970-01-01 UTC, as a type.",
    "core.LANGUAGES": "The languages of every message: `en` and `zh`.",
    "core.Language": "One of the languages of every message, as a type.",
    "feel.DATES": "The types of a date: Python's, and the wide one.",
    "feel.EXACT": "The arithmetic of 34 digits that refuses to lose one.",
    "feel.MOMENTS": "The types of a date and time: Python's, and the wide one.",
    "feel.SPANS": "The types of a days and time duration: Python's, and the wide one.",
    "feel.TIMES": "The types of a time: Python's, and the wide one.",
    "store.LEASE_S": "How long a writer of a team may stay silent before another takes its turn, in seconds.",
    "ledger.DOMESTIC": "The profile of SM3, SM2 and SM4 (GB/T 32905, 32918, 32907).",
    "ledger.INTERNATIONAL": "The profile of SHA-256, Ed25519 and AES: what C2SP's formats say.",
    "ledger.PROFILES": "The profiles of a log by the name that tallystick.toml gives them.",
    "ledger.SALT_BYTES": "Bytes of the random salt that stands before a record in its leaf's digest.",
    "labels.SEMANTICS": "The number of the engine's meaning, part of every label's version.",
    "models.binning.Monotone": "How risk may go as a value rises, as a type.",
    "models.layers.BOOSTS": "The settings of each boosted first layer where a recipe gives none.",
    "models.layers.KINDS": "The kinds of first layers.",
    "models.layers.Kind": "One of the kinds of first layers, as a type.",
    "models.layers.LAYERS": "The first layers of a model that names none.",
    "models.losses.Repayment": "How a loan is repaid, as a type.",
    "models.scorecard.CARD_BINS": "The limits of a scorecard's bins where none are given.",
    "models.scorecard.Shape": "How risk may go along a label of a scorecard, as a type.",
    "models.search.Space": "The settings that a search may draw, by name, as a type.",
    "models.serving.KIND": "The kind of file that holds a served model.",
    "models.serving.RESERVED": "Names that no part of a model may bear.",
    "models.training.Progress": "Called as progress(step, done, total) after each piece of work.",
    "models.serving.SEMANTICS": "The number of the meaning of a stored model.",
    "models.Progress": "The type of what is told of progress: step, done, total.",
    "decisions.SEMANTICS": "The number of the engine's meaning, part of every decision model's version.",
    "desk.PAYMENTS": "The name of the example that `tally init` and `tally demo` copy.",
    "desk.STEPS": "The steps of `tally run`, in order.",
}

HEAD = """\
# Faces

Every public name of every room. What is not here is private to its room. `python scripts/faces.py` writes this page
from the code; a test holds the two together.
"""


def page() -> str:
    """The text of docs/faces.md; raises `SystemExit` naming the public names that have no sentence."""
    left = dict(CONSTANTS)
    parts, silent = [HEAD], list[str]()
    for room in ROOMS:
        module = importlib.import_module(f"tallystick.{room}")
        lines = [f"## tallystick.{room}", "", _paragraphs(module), "", "| name | |", "|---|---|"]
        for name in public_names(module):
            key = f"{room}.{name}"
            sentence = left.pop(key, "") or first_sentence(getattr(module, name))
            if not sentence:
                silent.append(key)
            lines.append(f"| `{name}{_arguments(getattr(module, name))}` | {sentence.replace('|', chr(92) + '|')} |")
        parts.append("\n".join(lines) + "\n")
    if silent or left:
        raise SystemExit(f"without a docstring: {silent}; in CONSTANTS but in no face: {sorted(left)}")
    return "\n".join(parts)


def public_names(module: ModuleType) -> list[str]:
    """`__all__` of a face, in its order; without one, the classes that the module defines."""
    names = getattr(module, "__all__", None)
    if names is not None:
        return list(names)
    return [name for name, item in vars(module).items() if inspect.isclass(item) and item.__module__ == module.__name__]


def first_sentence(item: Any) -> str:
    """The first sentence of an object's own docstring, on one line; "" for values, whose docstring is their type's."""
    if not (inspect.isclass(item) or callable(item)) or getattr(item, "__module__", "").split(".")[0] != "tallystick":
        return ""
    first = (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", first)[0]


def _paragraphs(module: ModuleType) -> str:
    return inspect.cleandoc(module.__doc__ or "")


def _arguments(item: Any) -> str:
    """The names of a function's arguments, in brackets; "" for what is no function."""
    function = inspect.unwrap(getattr(item, "py_func", item))
    if not inspect.isfunction(function):
        return ""
    marks: dict[int, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    given = inspect.signature(function).parameters.values()
    return f"({', '.join(marks.get(argument.kind, '') + argument.name for argument in given)})"


def main() -> int:
    """Write the page, or check it with `--check`."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    sys.stderr.write("docs/faces.md is not what the code says; run: python scripts/faces.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
