"""What the checks in this folder share: where the sources are, and how problems are reported."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files(folders, suffixes):
    """All files with one of the suffixes below the folders, sorted, as paths relative to the root."""
    found = (p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in suffixes)
    return sorted(p.relative_to(ROOT) for p in found)


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def finish(problems):
    """Prints the problems, one a line, and ends with status 1 if there are any."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
