"""Every ratio against a named peer, one after the other: `python -m bench`, or `python -m bench labels --markdown`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

NAMES = ("labels", "decisions", "journal", "models")


def main() -> None:
    """Run all benchmarks; or those named, with what stands after the last name as the options of each."""
    given = sys.argv[1:]
    chosen = [name for name in given if name in NAMES]
    options = given[len(chosen) :]
    if given[: len(chosen)] != chosen or (options and not chosen):
        sys.exit(f"unknown benchmark {options[0]!r}; allowed: {', '.join(NAMES)}, then the options of the last")
    for name in chosen or NAMES:
        print(f"== {name}")
        sys.argv = [name, *options]
        path = Path(__file__).with_name(name)
        try:
            runpy.run_path(str(path if path.is_dir() else path.with_suffix(".py")), run_name="__main__")
        except SystemExit as ended:
            if ended.code:
                raise


if __name__ == "__main__":
    main()
