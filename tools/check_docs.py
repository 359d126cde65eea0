"""Every public function has a comment, every paper cited is in docs/references.bib, and the files and functions that
docs/architecture.md names exist: a `name_like_this` stands in a file that its line names, else somewhere in the sources."""

import re

from common import ROOT, files, finish, read

ARCHITECTURE = "docs/architecture.md"
FOLDERS = "src|include|python|tests|tools|examples|docs|benchmarks"


def check_comments(path):
    """A comment stands directly above the declaration, or above its block (up to the blank line before it)."""
    documented = False
    for number, line in enumerate(read(path).splitlines(), 1):
        if not line.strip():
            documented = False
        elif line.rstrip().endswith("*/") and not line.startswith("TAY_API"):
            documented = True
        elif line.startswith("TAY_API") and not documented:
            yield f"{path}:{number}: a public function without a comment"


def check_references():
    """Keys look like [JZ2005], [Knuth1997, 4.7]."""
    known = set(re.findall(r"^@\w+\{(\w+),", read("docs/references.bib"), re.M))
    for path in files(["src", "include", "python", "docs"], {".c", ".h", ".py", ".md"}):
        for key in re.findall(r"\[([A-Z][A-Za-z]*\d{4}[a-z]?)\b[^\]]*\]", read(path)):
            if key not in known:
                yield f"{path}: [{key}] is not in docs/references.bib"


def check_architecture():
    everything = files(["src", "include", "python"], {".c", ".h", ".py"})
    for number, line in enumerate(read(ARCHITECTURE).splitlines(), 1):
        paths = re.findall(rf"\b((?:{FOLDERS})/[\w./-]*\w)", line)
        missing = [p for p in paths if not (ROOT / p).exists()]
        yield from (f"{ARCHITECTURE}:{number}: {p} does not exist" for p in missing)
        here = [p for p in paths if (ROOT / p).is_file()] or everything
        for name in re.findall(r"`(\w+_\w+)(?:\(\))?`", line):
            if not any(re.search(rf"\b{name}\b", read(p)) for p in here):
                yield f"{ARCHITECTURE}:{number}: {name} is not in {paths or 'the sources'}"


problems = [p for path in files(["include"], {".h"}) for p in check_comments(path)]
problems += check_references()
if (ROOT / ARCHITECTURE).exists():
    problems += check_architecture()
finish(problems)
