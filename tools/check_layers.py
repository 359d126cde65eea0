"""Includes go downwards only: src/LAYERS says which areas an area may include, by their one header; no file includes itself
in a circle. The Python module and the examples stand on the public headers alone."""

import re

from common import ROOT, files, finish, read

PUBLIC = re.compile(r"tayra(/\w+)?\.h")


def read_layers():
    layers, problems = {}, []
    for line in read("src/LAYERS").splitlines():
        if line.strip() and not line.startswith("#"):
            area, _, allowed = line.partition(":")
            problems += [f"src/LAYERS: {area}: {a} does not stand above it" for a in allowed.split() if a not in layers]
            layers[area] = allowed.split()
    on_disk = {p.name for p in (ROOT / "src").iterdir() if p.is_dir() and any(p.glob("*.[ch]"))}
    return layers, problems + [f"src/LAYERS: {area} is missing" for area in sorted(on_disk - set(layers))]


def includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M)


def check_area(path, layers):
    area = path.parts[1]
    for name in includes(path):
        other = name.split("/")[0]
        if PUBLIC.fullmatch(name) or other == area:
            continue
        if name != f"{other}/{other}.h":
            yield f"{path}: \"{name}\" is private to its area, or is not written as \"<area>/<file>.h\""
        elif other not in layers.get(area, []):
            yield f"{path}: {area} may not include {other} (src/LAYERS)"


def check_public_only(path):
    for name in includes(path):
        if not PUBLIC.fullmatch(name) and not (ROOT / path.parent / name).exists():
            yield f"{path}: \"{name}\" is not a public header"


def find_cycles(graph):
    """Takes away files that include nothing that is left, or that nothing left includes: what stays is in cycles."""
    while True:
        used = {u for uses in graph.values() for u in uses if u in graph}
        rest = {p: uses for p, uses in graph.items() if p in used and any(u in graph for u in uses)}
        if rest == graph:
            return [f"{p}: is in a cycle of includes" for p in sorted(graph)]
        graph = rest


layers, problems = read_layers()
sources = files(["src"], {".c", ".h"})
for path in sources:
    problems += check_area(path, layers)
for path in files(["python/src", "examples/c"], {".c", ".h"}):
    problems += check_public_only(path)
problems += find_cycles({str(p.relative_to("src")): set(includes(p)) for p in sources})
problems += find_cycles({str(p.relative_to("include")): set(includes(p)) for p in files(["include"], {".h"})})
finish(problems)
