"""Every ratio against a named peer, one after the other: `python -m bench`, or `python -m bench labels decisions`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

NAMES = ("labels", "decisions", "journal")


def main() -> None:
    """Run the named benchmarks, or all."""
    chosen = sys.argv[1:] or list(NAMES)
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]!r}; allowed: {', '.join(NAMES)}")
    for name in chosen:
        print(f"== {name}")
        sys.argv = [name]
        try:
            runpy.run_path(str(Path(__file__).with_name(f"{name}.py")), run_name="__main__")
        except SystemExit as ended:
            if ended.code:
                raise


if __name__ == "__main__":
    main()
