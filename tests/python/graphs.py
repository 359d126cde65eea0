"""Random expressions, built alike by tayra, by the peer and by numpy: a recipe is a tree of tuples."""

import numpy as np
from hypothesis import strategies as st
from scipy import special

UNARY = {
    "exp": lambda x: np.exp(x),
    "log": lambda x: np.log(x),
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": special.erf,
    "erfc": special.erfc,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "sigmoid": special.expit,
    "sqrt": np.sqrt,
}
SMOOTH = ["sin", "cos", "tanh", "atan", "asinh", "erf", "sigmoid"]  # bounded growth, defined everywhere
VARIABLES = ["x", "y", "z"]

_leaf = st.one_of(
    st.sampled_from(VARIABLES).map(lambda name: ("var", name)),
    st.integers(0, 2).map(lambda i: ("par", i)),
    st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0]).map(lambda value: ("number", value)),
    st.just(("time",)),
)


def _inner(children):
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*"]), children, children),
        st.tuples(st.just("call"), st.sampled_from(SMOOTH), children),
        st.tuples(st.just("sum"), st.lists(children, min_size=1, max_size=4)),
        st.tuples(st.just("pow"), children, st.sampled_from([2.0, 3.0])),
        st.tuples(st.just("neg"), children),
    )


recipes = st.recursive(_leaf, _inner, max_leaves=12)


def symbolic(hk, recipe):
    """The expression of a recipe, by the functions of a module."""
    kind, *rest = recipe
    if kind == "var":
        return hk.expression(rest[0])
    if kind == "par":
        return hk.par[rest[0]]
    if kind == "number":
        return hk.expression(rest[0])
    if kind == "time":
        return hk.time
    if kind == "call":
        return getattr(hk, rest[0])(symbolic(hk, rest[1]))
    if kind == "sum":
        return hk.sum([symbolic(hk, r) for r in rest[0]])
    if kind == "pow":
        return symbolic(hk, rest[0]) ** rest[1]
    if kind == "neg":
        return -symbolic(hk, rest[0])
    a, b = symbolic(hk, rest[0]), symbolic(hk, rest[1])
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b}[kind]()


def numeric(recipe, values, pars, time):
    """The value of a recipe by numpy; values maps names to arrays."""
    kind, *rest = recipe
    if kind == "var":
        return values[rest[0]]
    if kind == "par":
        return pars[rest[0]]
    if kind == "number":
        return rest[0]
    if kind == "time":
        return time
    if kind == "call":
        return UNARY[rest[0]](numeric(rest[1], values, pars, time))
    if kind == "sum":
        return sum(numeric(r, values, pars, time) for r in rest[0])
    if kind == "pow":
        return numeric(rest[0], values, pars, time) ** rest[1]
    if kind == "neg":
        return -numeric(rest[0], values, pars, time)
    a, b = numeric(rest[0], values, pars, time), numeric(rest[1], values, pars, time)
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b}[kind]()
