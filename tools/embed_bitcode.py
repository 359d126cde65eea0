#!/usr/bin/env python3
"""Writes a C file with the contents, compressed, of kernels_<real>_<bytes>.bc files: the table tay__bitcodes of exec/jit_emit.h.

The digest is of all input files, the sources that make code of a module among them.
"""

import hashlib
import re
import sys
import zlib
from pathlib import Path

output, *inputs = map(Path, sys.argv[1:])
digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
with output.open("w") as f:
    f.write('/*\n * Written by tools/embed_bitcode.py.\n */\n#include "exec/jit_emit.h"\n\n')
    rows = []
    for path in inputs:
        if path.suffix != ".bc":
            continue
        real, size = re.fullmatch(r"kernels_(f\d\d)_(\d+)\.bc", path.name).groups()
        whole = path.read_bytes()
        data = zlib.compress(whole, 9)
        lines = [",".join(map(str, data[i : i + 32])) for i in range(0, len(data), 32)]
        f.write(f"static const unsigned char {path.stem}[] = {{\n" + ",\n".join(lines) + "};\n\n")
        name = "TAY_FLOAT64" if real == "f64" else "TAY_FLOAT32"
        rows.append(f"    {{{name}, {size}, {path.stem}, sizeof {path.stem}, {len(whole)}}},\n")
    f.write("const tay__bitcode tay__bitcodes[] = {\n" + "".join(rows) + "};\n")
    f.write(f"const size_t tay__n_bitcodes = {len(rows)};\n")
    f.write(f'const char tay__bitcode_digest[] = "{digest}";\n')
