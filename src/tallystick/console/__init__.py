"""Console: what people look at: the HTML report of a run, the README's picture, the summary on the terminal.

It computes nothing about money or risk: it draws the records that desk gives it, and reaches no table or model.
"""

from tallystick.console.driftpage import render_drift, write_drift
from tallystick.console.picture import make_picture
from tallystick.console.report import render_report, write_report
from tallystick.console.summary import print_summary

__all__ = ["make_picture", "print_summary", "render_drift", "render_report", "write_drift", "write_report"]
