"""The shared library exports what the public headers declare, and that is what tools/symbols.txt lists: an interface grows
or shrinks on purpose only.

usage: check_symbols.py LIBRARY [--update]
"""

import re
import subprocess
import sys

from common import ROOT, files, finish, read

LIST = "tools/symbols.txt"

output = subprocess.run(["nm", "-D", "--defined-only", sys.argv[1]], capture_output=True, text=True, check=True).stdout
exported = {line.split()[-1] for line in output.splitlines()}
headers = "".join(read(p) for p in files(["include"], {".h"}))
declared = set(re.findall(r"^TAY_API\b[^;(]*?\b(\w+)\(", headers, re.M))

if "--update" in sys.argv:
    (ROOT / LIST).write_text("\n".join(sorted(declared)) + "\n", encoding="utf-8")
listed = set(read(LIST).split())

problems = [f"{s}: declared in a public header, not exported" for s in sorted(declared - exported)]
problems += [f"{s}: exported, not declared in a public header" for s in sorted(exported - declared)]
problems += [f"{s}: declared, not in {LIST} (--update writes it)" for s in sorted(declared - listed)]
problems += [f"{s}: in {LIST}, not declared" for s in sorted(listed - declared)]
finish(problems)
