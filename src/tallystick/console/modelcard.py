"""A model card as a page, or as Markdown for a repository or a committee's minutes."""

from __future__ import annotations

from pathlib import Path

from tallystick.console.report import template
from tallystick.core import Language, Message
from tallystick.desk.models_card import ModelCard


def render_card(card: ModelCard, language: Language = "en") -> str:
    """Render a model card as one HTML page that needs no network; the same card gives the same bytes.

    Parameters
    ----------
    card
        From `desk.model_card`.
    language
        The language shown first; the reader switches on the page, without scripts.
    """
    return template("card.html").render(language=language, card=card)


def card_markdown(card: ModelCard, language: Language = "en") -> str:
    """A model card as Markdown in one language: a heading and a table for each section."""

    def text(cell: str | Message) -> str:
        words = cell if isinstance(cell, str) else cell.text(language)
        return " ".join(words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())

    lines = [f"# {text(card.title)}"]
    for section in card.sections:
        lines += ["", f"## {text(section.title)}", ""]
        lines += [f"| {' | '.join(map(text, section.columns))} |", "|---" * len(section.columns) + "|"]
        lines += [f"| {' | '.join(map(text, row))} |" for row in section.rows]
    return "\n".join(lines) + "\n"


def write_card(path: Path, card: ModelCard, language: Language = "en") -> None:
    """Write a card to a file, UTF-8: Markdown where its name ends in .md, else HTML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = card_markdown(card, language) if path.suffix == ".md" else render_card(card, language)
    path.write_text(text, encoding="utf-8", newline="\n")
