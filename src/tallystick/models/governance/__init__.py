"""Governance: who owns a model, who approved it, until when it may answer, and what became of it."""

from tallystick.models.governance.comparison import Comparison, Side, Swap, compare
from tallystick.models.governance.history import History, Noted
from tallystick.models.governance.records import Event, Governance, Monitor, person
from tallystick.models.governance.registry import Entry, Registry, failed_gates, save
from tallystick.models.governance.standing import Standing, standing

__all__ = [
    "Comparison",
    "Entry",
    "Event",
    "Governance",
    "History",
    "Monitor",
    "Noted",
    "Registry",
    "Side",
    "Standing",
    "Swap",
    "compare",
    "failed_gates",
    "person",
    "save",
    "standing",
]
