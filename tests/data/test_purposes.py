"""Purposes of a column: read from sources.toml, and no part of what decides the facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.core import DefinitionErrors
from tallystick.data import Source, read_sources

SOURCE = """[payments]
files = "payments.csv"
format = "csv"
id = "id"
at = "at"
[payments.fields]
id = {{ type = "integer" }}
at = {{ type = "instant" }}
amount = {{ type = "money(EUR)"{purposes} }}
"""


def payments(tmp_path: Path, purposes: str) -> Source:
    path = tmp_path / "sources.toml"
    path.write_text(SOURCE.format(purposes=purposes))
    return read_sources(path)["payments"]


def test_purposes_are_read(tmp_path: Path) -> None:
    plain = payments(tmp_path, "")
    limited = payments(tmp_path, ', purposes = ["credit", "fraud", "credit"]')
    assert plain.fields["amount"].purposes == ()
    assert limited.fields["amount"].purposes == ("credit", "fraud")
    assert payments(tmp_path, ', purposes = "fraud"').fields["amount"].purposes == ("fraud",)
    assert plain.version == limited.version


@pytest.mark.parametrize("purposes", [", purposes = 1", ', purposes = ["no name"]', ', purposes = [""]'])
def test_faulty_purposes_are_named(tmp_path: Path, purposes: str) -> None:
    with pytest.raises(DefinitionErrors, match="purposes"):
        payments(tmp_path, purposes)
