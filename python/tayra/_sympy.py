"""Expressions from sympy's and to sympy's. sympy is imported by those who call."""

import math
import re
from functools import reduce

from . import _core, functions
from ._core import expression

_PARAMETER = re.compile(r"par\[(\d+)\]")
_TIME = "heyoka_time"  # the function without arguments that stands for the time, as in heyoka.py
# Functions of both; those of ours by the names of sympy's classes.
_SAME = ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "log",
         "erf", "erfc")  # fmt: skip
_UNKNOWN = {f"heyoka_{name}": name for name in ("kepE", "kepF", "kepDE")}  # to sympy, with names as in heyoka.py
_RELATIONS = {"lt": "StrictLessThan", "gt": "StrictGreaterThan", "lte": "LessThan", "gte": "GreaterThan", "eq": "Equality",
              "neq": "Unequality"}  # fmt: skip
_FROM = {name: getattr(functions, name) for name in _SAME}
_FROM |= {theirs: getattr(functions, ours) for ours, theirs in _RELATIONS.items()}
_FROM |= {theirs: getattr(functions, ours) for theirs, ours in _UNKNOWN.items()}


def _larger(x, y):
    return functions.select(functions.gte(x, y), x, y)


def _smaller(x, y):
    return functions.select(functions.lte(x, y), x, y)


# What sympy has and our table has not, or with a sequence of arguments.
_FROM_ALL = {
    "Add": functions.sum,
    "Mul": functions.prod,
    "Pow": lambda args: args[0] ** args[1],
    "And": functions.logical_and,
    "Or": functions.logical_or,
    "Abs": lambda args: _larger(args[0], -args[0]),
    "Max": lambda args: reduce(_larger, args),
    "Min": lambda args: reduce(_smaller, args),
}


def _from_leaf(ex, sympy):
    """The expression of a symbol, a number or a constant; None if it is something else."""
    if isinstance(ex, sympy.Symbol):
        index = _PARAMETER.fullmatch(ex.name)
        return functions.par[int(index[1])] if index else expression(ex.name)
    if ex is sympy.pi:
        return functions.pi
    if ex in (sympy.true, sympy.false):
        return expression(1.0 if ex else 0.0)
    if isinstance(ex, (sympy.Number, sympy.NumberSymbol)):
        try:
            value = float(ex)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise TypeError(f"from_sympy(): expected finite numbers, in the range of double precision, got {ex}")
        return expression(value)
    if isinstance(ex, sympy.Function) and ex.func.__name__ == _TIME and not ex.args:
        return functions.time
    return None


def from_sympy(ex, s_dict={}):
    """The expression of a sympy expression.

    s_dict: {sympy expression: expression} says what becomes of some, wherever they are. Of others, symbols become variables, but
    par[0], par[1], ... parameters; numbers, of any kind, are rounded to double precision; relations are 1 or 0; pieces become
    selections.

    Raises TypeError for what is not an expression, or has no counterpart.
    """
    import sympy

    if not isinstance(ex, sympy.Basic):
        raise TypeError(f"from_sympy(): ex: expected an expression of sympy, got {type(ex).__name__}")
    if not isinstance(s_dict, dict):
        raise TypeError(f"from_sympy(): s_dict: expected a dictionary, got {type(s_dict).__name__}")
    for key, value in s_dict.items():
        if not isinstance(key, sympy.Basic) or not isinstance(value, expression):
            raise TypeError("from_sympy(): s_dict: expected expressions of sympy, and for each an expression, got "
                            f"{type(key).__name__}: {type(value).__name__}")
    known = dict(s_dict)

    def pieces(ex):
        *some, (last, condition) = ex.args
        if condition != sympy.true:
            raise TypeError(f"from_sympy(): {ex} has no value where none of its conditions is met")
        result = convert(last)
        for value, condition in reversed(some):
            result = functions.select(convert(condition), convert(value), result)
        return result

    def convert(ex):
        if ex in known:
            return known[ex]
        name, result = type(ex).__name__, _from_leaf(ex, sympy)
        if result is None and isinstance(ex, sympy.Piecewise):
            result = pieces(ex)
        elif result is None and name in _FROM:
            result = _FROM[name](*map(convert, ex.args))
        elif result is None and name in _FROM_ALL:
            result = _FROM_ALL[name](list(map(convert, ex.args)))
        elif result is None:
            raise TypeError(f"from_sympy(): {ex} has no counterpart (it is of type {name})")
        known[ex] = result
        return result

    return convert(ex)


def _number(value, sympy):
    if not math.isfinite(value):
        raise ValueError(f"to_sympy(): expected finite numbers, got {value}")
    return sympy.Integer(int(value)) if value.is_integer() else sympy.Float(value)


def _makers(sympy):
    """{name in our table: function of arguments in sympy}; conditions are relations there, not numbers."""

    conditions = sympy.core.relational.Relational, sympy.logic.boolalg.BooleanFunction, sympy.logic.boolalg.BooleanAtom

    def number_of(x):
        return sympy.Piecewise((1, x), (0, True)) if isinstance(x, conditions) else x

    def truth_of(x):
        return x if isinstance(x, conditions) else sympy.Ne(x, 0)

    def values(make):
        return lambda *args: make(*map(number_of, args))

    makers = {name: values(getattr(sympy, name)) for name in _SAME}
    makers |= {ours: values(getattr(sympy, theirs)) for ours, theirs in _RELATIONS.items()}
    makers |= {ours: values(sympy.Function(theirs)) for theirs, ours in _UNKNOWN.items()}
    makers |= {
        "sum": values(sympy.Add),
        "prod": values(sympy.Mul),
        "pow": values(lambda x, y: sympy.sqrt(x) if y == sympy.Float(0.5) else x**y),
        "pi": lambda: sympy.pi,
        "expm1": values(lambda x: sympy.exp(x) - 1),
        "log1p": values(lambda x: sympy.log(1 + x)),
        "sigmoid": values(lambda x: 1 / (1 + sympy.exp(-x))),
        "relu": values(lambda x, slope: sympy.Piecewise((x, x > 0), (slope * x, True))),
        "relup": values(lambda x, slope: sympy.Piecewise((1, x > 0), (slope, True))),
        "select": lambda c, x, y: sympy.Piecewise((number_of(x), truth_of(c)), (number_of(y), True)),
        "logical_and": lambda *args: sympy.And(*map(truth_of, args)),
        "logical_or": lambda *args: sympy.Or(*map(truth_of, args)),
    }
    return makers, number_of


def to_sympy(ex):
    """The expression in sympy: variables and parameters are real symbols, these with names par[0], par[1], ...; the time is the
    function heyoka_time(); kepE, kepF and kepDE are functions heyoka_kepE, ... What is 1 or 0, and what is selected, is a
    Piecewise.

    Raises TypeError if ex is not an expression, ValueError if it has numbers that are not finite.
    """
    import sympy

    if not isinstance(ex, expression):
        raise TypeError(f"to_sympy(): expected an expression, got {type(ex).__name__}")
    makers, number_of = _makers(sympy)
    leaves = {
        "number": lambda value: _number(value, sympy),
        "variable": lambda name: sympy.Symbol(name, real=True),
        "parameter": lambda index: sympy.Symbol(f"par[{index}]", real=True),
        "time": lambda _: sympy.Function(_TIME)(),
    }
    done, waiting = {}, [ex]
    while waiting:
        kind, parts = _core.parts(waiting[-1])
        missing = [e for e in parts if e not in done] if kind in makers else []
        if missing:
            waiting += missing
            continue
        done[waiting.pop()] = makers[kind](*(done[e] for e in parts)) if kind in makers else leaves[kind](parts)
    return number_of(done[ex])
