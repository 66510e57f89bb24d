"""How a decision table is printed."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tallystick.cli.words import WORDS
from tallystick.core import Language
from tallystick.decisions import Sheet

_STYLES = {"input": "", "output": "bold", "annotation": "dim"}


def print_decision_table(sheet: Sheet, language: Language) -> None:
    """Print a table: name and hit policy above, a numbered line per rule, long cells wrapped."""

    def words(code: str) -> str:
        return WORDS(f"decisions.{code}").text(language)

    policy = f"{sheet.policy} {sheet.aggregation}".strip()
    table = Table(title=Text(f"{sheet.name} ({policy})"), title_justify="left", title_style="bold", show_lines=False)
    table.add_column(words("rule"), justify="right", style="dim", no_wrap=True)
    for column in sheet.columns:
        parts = [words(column.kind), column.text or sheet.name]
        parts += [about for about in (column.type, column.values) if about]
        if column.default:
            parts.append(f"{words('default')}: {column.default}")
        table.add_column(Text("\n".join(parts)), style=_STYLES[column.kind], overflow="fold")
    for number, row in enumerate(sheet.rows, 1):
        cells = zip(sheet.columns, row.cells, strict=True)
        shown = [text or ("-" if column.kind == "input" else "") for column, text in cells]
        table.add_row(str(number), *map(Text, shown))
    Console().print(table)
