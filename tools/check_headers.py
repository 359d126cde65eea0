"""Each public header compiles alone as C11 and as C++17, and the example in its head comment compiles inside a function.

usage: check_headers.py C++-COMPILER C-COMPILER...
"""

import re
import subprocess
import sys

from common import ROOT, files, finish, read

FLAGS = ["-Iinclude", "-fsyntax-only", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def compile_text(compiler, language, standard, text, extra=()):
    """The compiler's complaints, None if there are none."""
    command = [*compiler, *FLAGS, *extra, f"-std={standard}", "-x", language, "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    return result.stderr if result.returncode else None


def example_of(text):
    """The lines of the head comment that are indented by four columns or more."""
    head = text[: text.index("*/")]
    return "\n".join(re.findall(r"^ \*     (.*)$", head, re.M))


def check(path, cxx, cc):
    name, text = path.relative_to("include"), read(path)
    include = f'#include "{name}"\n'
    example = example_of(text)
    body = "".join(f"#include <{h}.h>\n" for h in ("math", "stdio", "stdlib"))
    body += f"void example(void);\nvoid example(void)\n{{\n{example}\n}}\n"
    yield "C11", compile_text(cc, "c", "c11", include)
    yield "C++17", compile_text(cxx, "c++", "c++17", include)
    yield "its example", compile_text(cc, "c", "c11", include + body, ["-Wno-unused"]) if example else "there is none"


cxx, cc = [sys.argv[1]], sys.argv[2:]
problems = []
for path in files(["include"], {".h"}):
    problems += [f"{path}: {what}: {complaint}" for what, complaint in check(path, cxx, cc) if complaint]
finish(problems)
