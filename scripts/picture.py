"""Draws docs/picture.svg from the story of a finished run: `python scripts/picture.py PROJECT`."""

from __future__ import annotations

import sys
from pathlib import Path

from tallystick.console import make_picture
from tallystick.desk import last_run, load_project, report_data

if __name__ == "__main__":
    project = load_project(Path(sys.argv[1]))
    picture = make_picture(report_data(project, last_run(project)))
    Path("docs/picture.svg").write_text(picture, "utf-8")
