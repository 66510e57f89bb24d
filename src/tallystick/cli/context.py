"""What every command shares: the options before it, and how a result is written as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.core import Language

JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")]


class Context:
    """What the options before the command say: the project folder and the language of messages."""

    def __init__(self) -> None:
        self.project = Path()
        self.language: Language = "en"


CONTEXT = Context()


def write_json(path: Path | None, document: Any) -> None:
    """Write a document to a file when one is wanted."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
