"""What the commands print: progress bars and plain tables."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tallystick.cli.words import WORDS
from tallystick.core import Language

_UNKNOWN = None
_WIDE = 10_000


class Steps:
    """A progress bar for each step, on standard error; called as steps(step, done, total)."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Move the bar of a step, adding it when it is new."""
        if step not in self._bars:
            self._bars[step] = self._progress.add_task(WORDS(f"step.{step}").text(self._language), total=_UNKNOWN)
        bar = self._bars[step]
        self._progress.update(bar, completed=done, total=total or _UNKNOWN)
        if done >= total > 0:
            self._progress.stop_task(bar)


def print_table(language: Language, codes: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under headings of the catalogue; numbers stand right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = list(rows)
    for place, code in enumerate(codes):
        numeric = bool(rows) and all(isinstance(row[place], int) for row in rows)
        table.add_column(WORDS(code).text(language), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # What another program reads is not folded to the 80 columns of a terminal that is not there.
        console.width = max(
            console.width, console.measure(table, options=console.options.update(max_width=_WIDE)).maximum
        )
    console.print(table)


def print_pairs(language: Language, pairs: Iterable[tuple[str, str]]) -> None:
    """Print names of the catalogue with their texts, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for code, text in pairs:
        table.add_row(WORDS(code).text(language), text)
    Console().print(table)
