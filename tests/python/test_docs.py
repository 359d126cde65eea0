"""The code in README.md and docs/*.md runs and prints what stands below it; C code compiles, and runs where the library
was built; links lead somewhere.

A page's Python blocks share one namespace. A block of ``text`` directly behind a block of code is its output.
"""

import contextlib
import fnmatch
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import tayra as hk

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?", re.M | re.S)
LIBRARY = ROOT / "build" / "c" / "src"


def blocks(page, language):
    """(line, code, output or None) of all blocks in a language."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        if match.group(1) == language:
            yield text.count("\n", 0, match.start()) + 2, match.group(2), match.group(3)


def with_blocks(language):
    return [pytest.param(p, id=str(p.relative_to(ROOT))) for p in PAGES if list(blocks(p, language))]


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python(page, tmp_path, monkeypatch):
    for name in ("torch", "jax"):
        if f"import {name}" in page.read_text():
            pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAYRA_EXEC", raising=False)  # some pages print who runs their code
    namespace = {}
    for line, code, expected in blocks(page, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), namespace)
        if expected is not None:
            assert printed.getvalue() == expected, f"{page}:{line}"


@pytest.mark.parametrize("page", with_blocks("c"))
def test_c(page, tmp_path):
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    for line, code, expected in blocks(page, "c"):
        source, program = tmp_path / f"line_{line}.c", tmp_path / f"line_{line}"
        source.write_text(code)
        command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}", source]
        if "main(" not in code or not (LIBRARY / "libtayra.a").exists():
            done = subprocess.run([*command, "-fsyntax-only"], capture_output=True, text=True)
            assert done.returncode == 0, f"{page}:{line}: {done.stderr}"
            continue
        libraries = [LIBRARY / "libtayra.a", "-lm", "-lpthread", "-o", program]
        done = subprocess.run([*command, *libraries], capture_output=True, text=True)
        assert done.returncode == 0, f"{page}:{line}: {done.stderr}"
        done = subprocess.run([program], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{page}:{line}: {done.stderr}"
        if expected is not None:
            assert done.stdout == expected, f"{page}:{line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def mentioned():
    """The names in docs/differences.md, some of them patterns."""
    return set(re.findall(r"`([\w*]+)`", (ROOT / "docs" / "differences.md").read_text()))


def missing(theirs, ours):
    """Public names of theirs that ours lacks and docs/differences.md does not tell, itself or without the type of numbers."""
    absent = {re.sub("_(dbl|flt|f128|ldbl|real)$", "", name) for name in set(dir(theirs)) - set(dir(ours))}
    told = mentioned() | set(dir(ours))
    return sorted(n for n in absent if n[0] != "_" and not any(fnmatch.fnmatch(n, pattern) for pattern in told))


def test_differences_in_names(peer):
    """Apart from models (all that exist here are named) and types of numbers, the page names what is missing."""
    assert [n for n in missing(peer, hk) if not n.startswith("continuous_output")] == []
    told = mentioned()
    assert [n for n in hk.model.__all__ if not any(fnmatch.fnmatch(n, pattern) for pattern in told)] == []
    results = []
    for package in (peer, hk):
        x = package.make_vars("x")
        ta = package.taylor_adaptive([(x, -x)], [1.0])
        output = ta.propagate_until(1.0, c_output=True)[4]
        results.append([x, ta, output, package.cfunc([x], [x]), package.diff_tensors([x], [x], diff_order=1), package.par])
    for theirs, ours in zip(*results):
        assert missing(theirs, ours) == []
    assert missing(peer, object()) != []


def test_ignored_keywords():
    """The keywords that the page calls without effect are taken, and another one is not."""
    x = hk.make_vars("x")
    page = (ROOT / "docs" / "differences.md").read_text()
    section = page[page.index("## Keyword arguments without effect") :].split("select")[0]
    names = re.findall(r"`(\w+)`", section)
    assert len(names) >= 8
    values = {"code_model": hk.code_model.small, "opt_level": 3, "prec": 0, "batch_size": 1}
    for name in names:
        given = {name: values.get(name, True)}
        if name != "batch_size":
            hk.taylor_adaptive([(x, -x)], [1.0], **given)
        hk.cfunc([x], [x], **given)
    with pytest.raises(TypeError):
        hk.cfunc([x], [x], no_such_keyword=True)
