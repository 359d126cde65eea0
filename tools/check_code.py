"""Reads the machine code of the kernels: python tools/check_code.py CLANG FOLDER_OF_THE_BUILD [--table]

What is looked at: the libraries of kernels as they were built for plain x86-64, AVX2 and AVX-512; the sites of the JIT, made for
AVX2 and AVX-512 from the library's bitcode; and both compiled for AArch64. In the innermost loops that compute, arithmetic is on
whole vectors of the target, multiply-adds are fused where the target has them, and nothing is called; the kernels' sums stay in
registers (in sites they do only when constants have taken their places). No object needs a function of libm but those listed.
--table prints what was found in each function.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, finish

# name: the widest register, fused multiply-adds, the most loads and stores of vectors on the stack in a function's loops
TARGETS = {"baseline": ("x", False, 14), "avx2": ("y", True, 12), "avx512": ("z", True, 4), "neon": ("v", True, 4)}
SITE_TARGETS = {"avx2": (32, "x86-64-v3"), "avx512": (64, "x86-64-v4")}
# Called where it does not matter: copies at the ends of runs, huge angles, slopes at 0. Functions without a vector form are
# called through the table, tay__functions.
MAY_CALL = {"memcpy", "memset", "pow", "tay__reduce_huge", "tay__vreduce_huge"}
# These, so many at least, have loops that compute in every target.
KERNELS = r"tay__(tile_[2-6]|(product|square)_lanes_[1sv]|integral(_n|_lanes|_lanes_n)|power_n|quotient|linear_\w+_v)$"
FUNCTIONS = r"(array_(exp|expm1|log|log1p|sin|cos|tanh|sigmoid|atan|pow)|tay__vpow)$"
SITES = r"tay__site_(tile_[2-6]|rows_[23]|(product|square)_\w+|integral|power)_\dx\d+$"
LEAST = {KERNELS: 15, FUNCTIONS: 8, SITES: 12}
FLAGS = ["-w", "-O3", "-std=gnu11", "-fPIC", "-ffp-contract=fast", "-fno-trapping-math", "-fno-math-errno", "-Isrc", "-Iinclude"]
X86_ARITHMETIC = re.compile(r"v?(mul|add|sub|div|sqrt|fn?m(add|sub)\d+)[ps][sd]$")
NEON_ARITHMETIC = re.compile(r"f(mul|add|sub|div|sqrt|ml[as]|n?m(add|sub))$")


def output_of(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, cwd=ROOT, **options).stdout


def functions_of(tool, path):
    """(name, [(address, operation, operands)]) of every function of an object or archive."""
    name, code = None, []
    for line in output_of(tool, "-d", "-r", "--no-show-raw-insn", path).decode().splitlines():
        if head := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            yield name, code
            name, code = head[1], []
        elif symbol := re.match(r"\s+[0-9a-f]+:\s+R_\w+\s+([\w.]+)", line):
            code[-1] = (*code[-1][:2], f"{code[-1][2]} {symbol[1]}")
        elif instruction := re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*([^#/]*)", line):
            code.append((int(instruction[1], 16), instruction[2], instruction[3]))
    yield name, code


def leaves(body):
    """Whether code that is only written behind, not part of a loop, stands here: it returns, or jumps elsewhere for good."""
    targets = (re.search(r"0x([0-9a-f]+) <", operands) for _, operation, operands in body if re.match(r"jmp|b$", operation))
    outside = any(t and not body[0][0] <= int(t[1], 16) <= body[-1][0] for t in targets)
    return outside or any(operation.startswith("ret") for _, operation, _ in body)


FUSED = re.compile(r"vfn?m|fml[as]|fn?m(add|sub)$")


def innermost_loops(code):
    """Instructions of each loop, closed by a conditional jump, that has none inside."""
    jumps = set()
    for address, operation, operands in code:
        target = re.search(r"0x([0-9a-f]+) <", operands)
        if target and re.match(r"j(?!mp)|b\.|cb|tb", operation) and code[0][0] <= int(target[1], 16) <= address:
            jumps.add((int(target[1], 16), address))
    for begin, end in jumps:
        if not any((b, e) != (begin, end) and begin <= b and e <= end for b, e in jumps):
            body = [i for i in code if begin <= i[0] <= end]
            if not leaves(body):
                yield body


def width_of(target, operation, operands):
    """The register that an arithmetic operation works on; s: one number; None: another operation."""
    if target == "neon":
        return ("v" if re.search(r"v\d+\.(2d|4s)", operands) else "s") if NEON_ARITHMETIC.match(operation) else None
    if not X86_ARITHMETIC.match(operation):
        return None
    return max(re.findall(r"%([xyz])mm", operands)) if operation[-2] == "p" else "s"


def measure(target, code):
    """What the loops of a function that compute consist of."""
    found = {"loops": 0, "whole": 0, "narrow": 0, "single": 0, "fused": 0, "stack": 0, "calls": 0}
    frame = "bs" if any(op.startswith("mov") and args.strip() == "%rsp, %rbp" for _, op, args in code) else "s"
    for loop in innermost_loops(code):
        widths = [w for w in (width_of(target, op, args) for _, op, args in loop) if w]
        fused = sum(bool(FUSED.match(op)) for _, op, _ in loop)
        if len(widths) < 2 and not fused:
            continue
        found["loops"] += 1
        found["fused"] += fused
        found["whole"] += widths.count(TARGETS[target][0])
        found["single"] += widths.count("s")
        found["narrow"] += len(widths) - widths.count(TARGETS[target][0]) - widths.count("s")
        for _, op, args in loop:
            on_stack = r"\b[qd]\d+.*\[sp" if target == "neon" else rf"%[xyz]mm.*\(%r[{frame}]p|\(%r[{frame}]p.*%[xyz]mm"
            found["stack"] += bool(re.search(on_stack, args)) and not width_of(target, op, args) == "s"
            found["calls"] += op in ("call", "callq", "bl", "blr") and not MAY_CALL & set(re.findall(r"\w+", args))
    return found


def check(target, what, objdump, path, expected):
    """The functions of one object; those with the expected names have to be there, with loops."""
    _, fuses, most_stack = TARGETS[target]
    seen = {pattern: set() for pattern in expected}
    for name, code in functions_of(objdump, path):
        if not code or not (f := measure(target, code))["loops"]:
            continue
        if "--table" in sys.argv:
            print(f"{target:8} {what:9} {name:40} " + "  ".join(f"{k} {v:3}" for k, v in f.items()))
        where, named = f"{target}, {what}: {name}", [pattern for pattern in expected if re.match(pattern, name)]
        for pattern in named:
            seen[pattern].add(name)
        if f["calls"]:
            yield f"{where}: {f['calls']} calls in its loops"
        if f["narrow"] + f["single"] > max(3 * f["loops"], f["whole"] // 8):
            yield f"{where}: {f['narrow'] + f['single']} operations that are not on whole vectors, {f['whole']} that are"
        if named and not f["whole"]:
            yield f"{where}: no operations on whole vectors"
        if named and fuses and f["fused"] * 8 < f["whole"]:
            yield f"{where}: {f['fused']} fused of {f['whole']} operations"
        if f["stack"] > most_stack and what == "kernels" and not name.startswith("array_"):
            yield f"{where}: {f['stack']} loads and stores of vectors on the stack, at most {most_stack}"
    for pattern, names in seen.items():
        if len(names) < LEAST[pattern]:
            yield f"{target}, {what}: only {len(names)} functions like {pattern} have loops that compute"


def check_needs(target, nm, path):
    for line in output_of(nm, "--undefined-only", "--format=just-symbols", path).decode().splitlines():
        if not line.endswith(":") and line and not line.startswith(("tay_", "_GLOBAL_")) and line not in MAY_CALL:
            yield f"{target}: the kernels call {line}"


def site_object(folder, tools, build, real, target):
    """The sites' bitcode as code for a processor of the target, whose attributes are those of the build."""
    size, processor = SITE_TARGETS[target]
    text = output_of(tools["llvm-dis"], build / f"src/exec/kernels_{real}_{size}.bc", "-o", "-").decode()
    text = re.sub(r'"(target-cpu|target-features|tune-cpu|min-legal-vector-width|frame-pointer)"="[^"]*"', "", text)
    made = folder / f"sites_{real}_{target}.o"
    output_of(tools["llc"], "-O2", f"-mcpu={processor}", "-mattr=-prefer-256-bit", "-relocation-model=pic", "-filetype=obj", "-o",
              made, input=text.encode())
    return made


def arm_object(folder, clang, source, isa):
    """A source for AArch64, with this system's headers, which lack but one file for it."""
    (folder / "gnu").mkdir(exist_ok=True)
    (folder / "gnu/stubs-32.h").touch()
    made = folder / f"{source}_neon.o"
    headers = [f"-isystem{p}" for p in (folder, "/usr/include", "/usr/include/x86_64-linux-gnu")]
    names = [f"-DTAY__ISA={isa}", "-DTAY__VECTOR_BYTES=16"]
    output_of(clang, "--target=aarch64-linux-gnu", "-nostdlibinc", *headers, *FLAGS, *names, "-c", f"src/kernels/{source}.c",
              "-o", made)
    return made


def check_all(clang, build, folder):
    """All targets."""
    tools = {name: Path(shutil.which(clang)).resolve().parent / name for name in ("llvm-objdump", "llvm-nm", "llvm-dis", "llc")}
    objdump, nm = tools["llvm-objdump"], tools["llvm-nm"]
    for target in ("baseline", "avx2", "avx512"):
        path = build / f"src/libkernels_{target}.a"
        yield from check(target, "kernels", objdump, path, [KERNELS, FUNCTIONS])
        yield from check_needs(target, nm, path)
    for target in SITE_TARGETS:
        for real in ("f64", "f32"):
            yield from check(target, f"sites {real}", objdump, site_object(folder, tools, build, real, target), [SITES])
    for source, isa, expected in (("kernels", "baseline", KERNELS), ("functions", "baseline", FUNCTIONS),
                                  ("functions_f32", "baseline", FUNCTIONS), ("specialise", "site", SITES)):
        path = arm_object(folder, clang, source, isa)
        yield from check("neon", source, objdump, path, [expected])
        yield from check_needs("neon", nm, path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        finish(list(check_all(sys.argv[1], Path(sys.argv[2]).resolve(), Path(temporary))))
