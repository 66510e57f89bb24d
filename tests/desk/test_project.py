"""What no room can see alone is held together when a project is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.core import DefinitionErrors
from tallystick.desk import load_project


def test_a_misspelt_protected_name_is_told(definitions: Path) -> None:
    """A name that fits no label and no column would hold nothing back."""
    recipes = definitions / "models.toml"
    text = recipes.read_text("utf-8")
    recipes.write_text(text.replace("layers = [", 'protected = ["custmer_id"]\nlayers = [', 1), "utf-8")
    with pytest.raises(DefinitionErrors, match=r"custmer_id.*customer_id"):
        load_project(definitions)
    recipes.write_text(text.replace("layers = [", 'protected = ["payments.customer_id"]\nlayers = [', 1), "utf-8")
    assert load_project(definitions).recipes["card_fraud"].protected == ("payments.customer_id",)
