"""Files and functions stay short, lines narrow, each file says what it is for, and conditional compilation stays rare."""

import ast
import re

from common import files, finish, read

MAX_LINES, MAX_FUNCTION, MAX_WIDTH = 700, 100, 130  # aim: 300, 40, 120
MAX_CONDITIONS_PER_1000 = 3
FOLDERS = ["src", "include", "python", "tests", "examples", "benchmarks", "tools"]


def check_lines(path, lines):
    if len(lines) > MAX_LINES:
        yield f"{path}: {len(lines)} lines, at most {MAX_LINES}"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_WIDTH:
            yield f"{path}:{number}: {len(line)} columns, at most {MAX_WIDTH}"
        if "\t" in line or line != line.rstrip():
            yield f"{path}:{number}: a tab, or white space at the end"


def c_functions(lines):
    """(first line, length) of each body: from a brace in the first column to the next closing one there."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield start, number - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def check(path):
    text = read(path)
    lines = text.splitlines()
    yield from check_lines(path, lines)
    is_python = path.suffix == ".py"
    for start, length in python_functions(text) if is_python else c_functions(lines):
        if length > MAX_FUNCTION:
            yield f"{path}:{start}: a function of {length} lines, at most {MAX_FUNCTION}"
    if is_python and text.strip() and not ast.get_docstring(ast.parse(text)):
        yield f"{path}:1: no docstring says what the module is for"
    if not is_python and not text.startswith("/*"):
        yield f"{path}:1: no comment says what the file is for"


def check_conditions():
    """#if, but for include guards and C++'s extern "C"."""
    texts = [read(p) for p in files(["src", "include"], {".c", ".h"})]
    n_lines = sum(t.count("\n") for t in texts)
    found = [c for t in texts for c in re.findall(r"^\s*#\s*(?:if|elif).*", t, re.M)]
    found = [c for c in found if not re.search(r"ifndef (TAY_|TAYRA_)|__cplusplus", c)]
    if len(found) * 1000 > MAX_CONDITIONS_PER_1000 * n_lines:
        yield f"{len(found)} conditions of the preprocessor in {n_lines} lines, at most {MAX_CONDITIONS_PER_1000} in 1000"


problems = [p for path in files(FOLDERS, {".c", ".h", ".py"}) for p in check(path)]
finish(problems + list(check_conditions()))
