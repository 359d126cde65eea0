"""Measures the errors of the vector functions and writes the table of docs/accuracy.md: make accuracy.

python tools/measure_accuracy.py TEST_VMATH [POINTS]; ends with the status of the test, which fails above a function's limit.
"""

import re
import subprocess
import sys

from common import ROOT, read

PAGE = "docs/accuracy.md"


def main():
    points = sys.argv[2] if len(sys.argv) > 2 else "1000000"
    test = subprocess.run([sys.argv[1], points], stdout=subprocess.PIPE, text=True)
    table = "\n".join(line for line in test.stdout.splitlines() if line.startswith("|"))
    print(table)
    caption = f"Largest errors in units in the last place, of {int(points):,} arguments each:"
    page = re.sub(r"(?ms)^Largest errors in units.*?^\| [^\n]*(\n\|[^\n]*)*", lambda _: f"{caption}\n\n{table}", read(PAGE))
    (ROOT / PAGE).write_text(page, encoding="utf-8")
    return test.returncode


if __name__ == "__main__":
    sys.exit(main())
