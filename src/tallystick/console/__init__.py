"""Console: what people look at: the HTML report of a run, the README's picture, the summary on the terminal.

It computes nothing about money or risk: it draws the records that desk gives it, and reaches no table or model.
"""

from tallystick.console.driftpage import render_drift, write_drift
from tallystick.console.modelcard import card_markdown, render_card, write_card
from tallystick.console.monitorpage import alarm_words, render_monitor, write_monitor
from tallystick.console.picture import make_picture
from tallystick.console.report import render_report, write_report
from tallystick.console.summary import print_summary
from tallystick.console.validation import render_validation, write_validation

__all__ = [
    "alarm_words",
    "card_markdown",
    "make_picture",
    "print_summary",
    "render_card",
    "render_drift",
    "render_monitor",
    "render_report",
    "render_validation",
    "write_card",
    "write_drift",
    "write_monitor",
    "write_report",
    "write_validation",
]
