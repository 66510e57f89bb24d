"""A customer to forget: what is known of her, and where she lies."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick import data
from tallystick.core import InputError, Message
from tallystick.desk import (
    Desk,
    Project,
    build_segment,
    forget_subject,
    load_project,
    quarantine_path,
    segments_of,
)
from tallystick.desk.evidence import read_journal
from tallystick.desk.forget_places import STEPS
from tallystick.desk.journal import DecisionRecord, Journal

ASIDE = ".tallystick-20250101T000000000000Z"
BAD = InputError(Message("event.field", "{given} is wrong", "{given} 有误", {"given": "?"}))


class Killed(BaseException):
    """The process ends here."""


def stop(*given: object) -> None:
    raise Killed


def stopped_at(step: str, project: Project, who: str, patch: pytest.MonkeyPatch) -> None:
    """Begin to forget, and be killed before a step is done; at "leaf" the key is destroyed already."""
    with patch.context() as patched:
        if step == "leaf":
            patched.setattr(Journal, "append_evidence", stop)
        else:
            patched.setitem(STEPS, step, stop)
        with pytest.raises(Killed):
            forget_subject(project, who, "asked")


class Her:
    """A customer of the simulated bank who has a decision of the run: what is known of her."""

    def __init__(self, folder: Path) -> None:
        self.project = load_project(folder)
        with read_journal(self.project) as journal:
            entries = list(journal.read(kinds=("decision",)))
        first = next(entry for entry in entries if isinstance(entry.record, DecisionRecord))
        assert first.fact is not None
        self.decisions = [entry for entry in entries if entry.subject == first.subject]
        self.key, self.id = first.subject, first.subject.partition("=")[2]
        rows = self.project.lake().facts("payments").filter(pl.col("customer_id") == self.id)
        self.rows = rows.height
        self.card: str = first.fact.fields["card_id"]
        self.device: str = rows["device_id"].drop_nulls()[0]
        self.names = (self.id, self.card)


def found_in(folder: Path, names: tuple[str, ...]) -> list[str]:
    """The files that hold a name: as bytes, and those of Parquet also as what they unpack to."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        texts = [path.read_bytes()]
        if path.suffix == ".parquet":
            texts += [str(value).encode() for column in pl.read_parquet(path).iter_columns() for value in column]
        if any(name.encode() in text for name in names for text in texts):
            found.append(path.relative_to(folder).parts[0])
    return sorted(set(found))


def known_to_segments(project: Project, her: Her) -> list[bool]:
    """Whether segments know her card, and her."""
    names = {"card": her.card, "customer": her.id}
    return [segments_of(project).directory(of).numbers(pl.Series([name]))[0] is not None for of, name in names.items()]


def everybody_else(project: Project, her: Her, gone: tuple[str, ...]) -> list[Any]:
    """What tables of every version say of the others, and the label values of the others."""
    lake = project.lake()
    tables = [lake.facts("payments", version) for version in range(lake.version("payments") + 1)]
    kept = [table.filter(~pl.col("customer_id").is_in([her.id, *gone])).rows() for table in tables]
    labels = pl.read_parquet(project.state / "labels" / "payments.parquet")
    ids = tables[-1].filter(pl.col("customer_id").is_in([her.id, *gone]))["payment_id"].to_list()
    return [*kept, labels.filter(~pl.col("id").is_in(ids)).rows()]


def spread(her: Her) -> None:
    """Let her lie in every place that the demo by itself leaves empty."""
    project = her.project
    with Desk(project) as desk:
        desk.keep_labels()
    build_segment(project, "often", "card", "payments_30d >= 2")
    build_segment(project, "spenders", "customer", "new_device >= 0")
    with data.FeedQuarantine(quarantine_path(project)) as aside:
        for position, who in enumerate((her.id, "C000001", her.card)):
            raw = b'{"customer_id": "%s"' % who.encode()
            aside.add(data.Delivery("bank.payments", position, None, raw=raw), BAD)
    (project.root / "sources").mkdir(exist_ok=True)
    row = "1,never,{0},{1},T1,M1,D1,x,pos,chip,DE,fuel,,\n"
    header = "payment_id,paid_at,card_id,customer_id,terminal_id,merchant_id,device_id,amount,channel,entry_mode,"
    header += "country,category,fraud,fraud_known_at\n"
    broken = row.format(her.card, her.id) + row.format("K1", "C1")
    (project.root / "sources" / "payments_broken.csv").write_text(header + broken)
    assert project.lake().load(project.sources["payments"], project.root).quarantined == 2
    (project.state / "report.html").write_text(f"<p>The story of {her.id}</p>")
    shutil.copytree(project.state, project.root / ASIDE)
