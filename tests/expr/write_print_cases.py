"""Writes print_cases.txt: expressions as the peer prints them and the lengths that it reports.

    python tests/expr/write_print_cases.py > tests/expr/print_cases.txt

Needs heyoka.py (written with 7.13.2). Each line is an expression in the notation of tests/support/rpn.h, its length and its
text, separated by tabs. Functions of numbers are left out, since their last digit is the C library's.
"""

import random

import heyoka as hy

SEED = 20240611
UNARY = "exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc sigmoid".split()
BINARY = "eq neq lt gt lte gte atan2".split()
ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
NARY = {"sum": hy.sum, "prod": hy.prod, "logical_and": hy.logical_and, "logical_or": hy.logical_or}

HAND = """
x|1|-1.5|0|-0|1e300|1e-300|1e15|1e16|1e17|123456789.123|0.1|1e-5|1e-4|inf|-inf|nan|5e-324|p0|p123|t|pi
x y +|y x +|x 1 +|1 x +|x 1 -|x y -|x x -|x x +|x 2 * x +|x x *|x x * x *|x 2 **|x 1 **|x 0 **|x 0.5 **|x -1 **|x sqrt
4 sqrt|2 3 **|2 x **|x y /|x 2 /|2 x /|x x /|1 x /|x neg|x neg neg|x y + neg|x y * neg|2 x * neg|x sin neg|0 x *|x 0 *
x 1 *|x -1 *|x 0 +|0 x -|x 1 /|x 0 /|0 x /|1 2 +|5 3 /|x y + z +|x y z + +|x 1 + 1 +|2 x * 3 *|x y / z /|x y z / /
x y z - -|x y z sum:3|x 1 y 2 sum:4|x 1 y -1 sum:4|x 1 -1 sum:3|sum:0|x sum:1|x x neg sum:2|x 2 y 3 prod:4|prod:0
x 2 y 0.5 prod:4|x y -1 ** z -1 ** prod:3|x -1 ** y -1 ** prod:2|x -1 ** y -2 ** z 2 prod:4|x -1 ** y -2 ** z * *
x neg y +|x neg y neg -|x 2 y * -|x -2 y * +|x y neg z neg sum:3|x neg y neg z neg sum:3|x neg y z sum:3|1 x neg y neg sum:3
-1 x neg y neg sum:3|-1 x y z sum:4|-2 x * -3 y * sum:2|-2 x * y -|-2 x * neg y +|y -2 x z prod:3 +|y -2 x z -1 ** prod:3 +
y -1 z -1 ** prod:2 +|x neg 2 **|x y ** z **|x y z ** **|x y + z **|x y * -1 **|-2 x **|x x y neg ** *|x x -2 y * ** *
x x -2 y z prod:3 ** *|x y -inf ** *|x y nan ** *|x y -1 ** -1 ** *|-1 x y -1 ** prod:3|-2 x -1 ** y prod:3|-2 x -1 ** prod:2
-1 x -1 ** y -1 ** prod:3|nan x *|inf x *|x inf -|nan x +|x 0 relu|x 0.1 relu|x 0.1 relup|x y * 0.25 relu|x 1e-5 relu|x 1 relu
x 123456789012 relu|x 1e16 relu|x 0.333333333333333314829616256247 relu|x y z select|x y atan2|x y logical_and:2|x logical_or:1
logical_and:0|logical_or:0|x y eq|x y neq|x 1 + y 1 - lt|x y gt|x y lte|x y gte|x y lt z *|x y lt 2 **|1 2 lt|1 y z select
pi 2 *|pi 2 **|pi sin|x pi /|2 pi /|p0 p1 -|t x *|v#1001 x +|v#1000 x +|x y v#1000 + +|y v#1000 * x +|v#1000 -2 ** z *
v#1001 z /|v#1001 0.1 relu|z z v#1001 * -|v#1001 neg|v#990 x y z + + +|v#1001 -1 ** y -1 ** *|v#1001 x y select
"""


def leaf(r):
    return r.choice("x y z w t pi p0 p1 p17".split() + [str(r.choice([2.0, -1.0, -2.0, 0.5, -3.5, 7.25, 1e-7, -1e22]))])


def value(word):
    if word == "t":
        return hy.time
    if word == "pi":
        return hy.pi
    if word[0] == "p" and word[1:].isdigit():
        return hy.par[int(word[1:])]
    if word.startswith("v#"):
        return hy.expression("v" * int(word[2:]))
    try:
        return hy.expression(float(word))
    except ValueError:
        return hy.expression(word)


def run(text):
    stack = []
    for word in text.split():
        name, _, n = word.partition(":")
        if word in ARITHMETIC:
            b, a = stack.pop(), stack.pop()
            stack.append(ARITHMETIC[word](a, b))
        elif word == "neg":
            stack.append(-stack.pop())
        elif word in UNARY or word == "sqrt":
            stack.append(getattr(hy, word)(stack.pop()))
        elif word in BINARY:
            b, a = stack.pop(), stack.pop()
            stack.append(getattr(hy, word)(a, b))
        elif word in ("relu", "relup"):
            slope, a = float(str(stack.pop())), stack.pop()
            stack.append(getattr(hy, word)(a, slope))
        elif word == "select":
            c, b, a = stack.pop(), stack.pop(), stack.pop()
            stack.append(hy.select(a, b, c))
        elif n:
            args = [stack.pop() for _ in range(int(n))][::-1]
            stack.append(NARY[name](args))
        else:
            stack.append(value(word))
    (result,) = stack
    return result


def is_number(text):
    try:
        float(str(run(text)))
        return True
    except ValueError:
        return False


def compose(r, pool):
    def pick():
        return r.choice(pool) if r.random() < 0.7 else leaf(r)

    k = r.randrange(10)
    if k < 4:
        return f"{pick()} {pick()} {r.choice(list(ARITHMETIC))}"
    if k < 7:
        n = r.randrange(2, 6)
        return " ".join(pick() for _ in range(n)) + f" {r.choice(list(NARY))}:{n}"
    argument = pick()
    while is_number(argument):
        argument = pick()
    if k == 7:
        return f"{argument} {r.choice(UNARY + ['neg', 'sqrt'])}"
    if k == 8:
        return f"{argument} {pick()} {r.choice(BINARY)}"
    return f"{argument} {r.choice(['0', '0.1', '0.5'])} {r.choice(['relu', 'relup'])}"


def random_cases(r):
    pool = [leaf(r) for _ in range(4)]
    for _ in range(14):
        text = compose(r, pool)
        try:
            run(text)
        except RuntimeError:  # the peer refuses some huge exponents
            continue
        if len(text) < 600:
            pool.append(text)
            yield text


def main():
    r = random.Random(SEED)
    cases = [case.strip() for line in HAND.strip().splitlines() for case in line.split("|")]
    for _ in range(40):
        cases += random_cases(r)
    for case in cases:
        e = run(case)
        if "nan" in str(e) and "nan" not in case:
            continue
        print(case, len(e), e, sep="\t")


main()
