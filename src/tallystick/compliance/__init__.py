"""Compliance: reason codes become the customer's reasons in words, and an adverse decision becomes a letter.

It never decides, never invents a reason, and never shows a customer a reason that the decision did not use.
"""

from tallystick.compliance.explain import Reason, explain
from tallystick.compliance.letter import Letter, letter
from tallystick.compliance.reasons import LetterHead, Reasons, ReasonText, Wording, read_reasons

__all__ = [
    "Letter",
    "LetterHead",
    "Reason",
    "ReasonText",
    "Reasons",
    "Wording",
    "explain",
    "letter",
    "read_reasons",
]
