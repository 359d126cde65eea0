"""Expressions: leaves, functions, derivatives, substitution and questions.

Every function of the mathematical table is one row below; its value, its derivatives and its Taylor coefficients are
the C library's.
"""

import math

from . import _core
from ._arguments import is_symbol
from ._core import expression

_codes = _core.function_codes()
_call = _core.call


def _unary(name, text):
    code = _codes[name]

    def function(arg):
        return _call(code, arg)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}\n\nRaises TypeError if ``arg`` is not an expression."
    return function


def _binary(name, text):
    code = _codes[name]

    def function(x, y):
        return _call(code, x, y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{text}\n\nRaises TypeError unless one argument is an expression and the other one too, or a number."
    )
    return function


exp = _unary("exp", "The exponential.")
expm1 = _unary("expm1", "The exponential minus 1, accurate near 0.")
log = _unary("log", "The natural logarithm.")
log1p = _unary("log1p", "The natural logarithm of 1 + arg, accurate near 0.")
sin = _unary("sin", "The sine.")
cos = _unary("cos", "The cosine.")
tan = _unary("tan", "The tangent.")
asin = _unary("asin", "The inverse sine.")
acos = _unary("acos", "The inverse cosine.")
atan = _unary("atan", "The inverse tangent.")
sinh = _unary("sinh", "The hyperbolic sine.")
cosh = _unary("cosh", "The hyperbolic cosine.")
tanh = _unary("tanh", "The hyperbolic tangent.")
asinh = _unary("asinh", "The inverse hyperbolic sine.")
acosh = _unary("acosh", "The inverse hyperbolic cosine.")
atanh = _unary("atanh", "The inverse hyperbolic tangent.")
erf = _unary("erf", "The error function.")
erfc = _unary("erfc", "1 minus the error function.")
sigmoid = _unary("sigmoid", "The logistic function 1 / (1 + exp(-arg)).")

eq = _binary("eq", "1 if x equals y, else 0.")
neq = _binary("neq", "1 if x does not equal y, else 0.")
lt = _binary("lt", "1 if x is less than y, else 0.")
gt = _binary("gt", "1 if x is greater than y, else 0.")
lte = _binary("lte", "1 if x is less than or equal to y, else 0.")
gte = _binary("gte", "1 if x is greater than or equal to y, else 0.")


def sqrt(arg):
    """The square root, ``arg**0.5``.

    Raises TypeError if ``arg`` is not an expression.
    """
    return _core.sqrt(arg)


def atan2(y, x):
    """The angle of the point (x, y), between -pi and pi.

    Raises TypeError unless one argument is an expression and the other one too, or a number.
    """
    return _call(_codes["atan2"], y, x)


def kepE(e, M):
    """The eccentric anomaly E of Kepler's equation, E - e sin(E) = M, between 0 and 2 pi; NaN unless 0 <= e < 1.

    Raises TypeError unless one argument is an expression and the other one too, or a number.
    """
    return _call(_codes["kepE"], e, M)


def kepF(h, k, lam):
    """The eccentric longitude F of Kepler's equation in equinoctial elements, F + h cos(F) - k sin(F) = lam, between 0 and 2 pi;
    NaN unless h^2 + k^2 < 1.

    Raises TypeError unless at least one argument is an expression and the others are, too, or numbers.
    """
    return _call(_codes["kepF"], h, k, lam)


def kepDE(s0, c0, DM):
    """The difference of eccentric anomalies DE of Kepler's equation, DE + s0 (1 - cos(DE)) - c0 sin(DE) = DM, between 0 and 2 pi;
    NaN unless s0^2 + c0^2 < 1. With eccentricity e and eccentric anomaly E0 at the beginning, s0 = e sin(E0), c0 = e cos(E0).

    Raises TypeError unless at least one argument is an expression and the others are, too, or numbers.
    """
    return _call(_codes["kepDE"], s0, c0, DM)


def select(c, t, f):
    """t where the condition c is not 0, f where it is 0.

    Raises TypeError unless at least one argument is an expression and the others are, too, or numbers.
    """
    return _call(_codes["select"], c, t, f)


def _slope(slope):
    if isinstance(slope, (expression, str, bytes)):
        raise TypeError(f"the slope of a leaky ReLU must be a number, not {type(slope).__name__!r}")
    slope = float(slope)
    if not (math.isfinite(slope) and slope >= 0):
        raise ValueError(f"the slope of a leaky ReLU must be finite and not negative, not {slope}")
    return slope


def relu(arg, slope=0.0):
    """The rectified linear unit: arg if it is positive, else slope * arg.

    Raises TypeError if ``arg`` is not an expression, ValueError if the slope is negative or not finite.
    """
    return _with_slope("relu", arg, slope)


def relup(arg, slope=0.0):
    """The derivative of relu: 1 if arg is positive, else the slope."""
    return _with_slope("relup", arg, slope)


def _with_slope(name, arg, slope):
    if not isinstance(arg, expression):
        raise TypeError(f"{name}(): arg must be an expression, not {type(arg).__name__!r}")
    return _call(_codes[name], arg, _slope(slope))


class leaky_relu:
    """leaky_relu(slope): the function relu with this slope, e.g. as an activation of a network.

    Raises ValueError if the slope is negative or not finite.
    """

    _function = staticmethod(relu)

    def __init__(self, slope):
        self._value = _slope(slope)

    @property
    def slope(self):
        """The slope for negative arguments."""
        return self._value

    def __call__(self, arg):
        return self._function(arg, self._value)

    def __repr__(self):
        return f"{type(self).__name__}({self._value})"


class leaky_relup(leaky_relu):
    """leaky_relup(slope): the derivative of leaky_relu(slope)."""

    _function = staticmethod(relup)


def sum(terms):
    """The sum of a sequence of expressions; 0 if it is empty. Raises TypeError for anything else."""
    return _core.sum(terms)


def prod(terms):
    """The product of a sequence of expressions; 1 if it is empty. Raises TypeError for anything else."""
    return _core.prod(terms)


def logical_and(terms):
    """1 if no expression of a sequence is 0, else 0. Raises TypeError for anything else."""
    return _core.logical_and(terms)


def logical_or(terms):
    """0 if all expressions of a sequence are 0, else 1. Raises TypeError for anything else."""
    return _core.logical_or(terms)


def make_vars(*args):
    """Variables of these names: one expression for one name, a list of expressions for several.

    Raises ValueError without names or for an empty name, TypeError for what is not a string.
    """
    if not args:
        raise ValueError("make_vars() needs at least one name")
    for name in args:
        if not isinstance(name, str):
            raise TypeError(f"make_vars(): a name must be a string, not {type(name).__name__!r}")
    variables = [expression(name) for name in args]
    return variables[0] if len(variables) == 1 else variables


class _Parameters:
    """par[i]: the parameter of index i, a number that is given when an expression is evaluated."""

    __slots__ = ()

    def __getitem__(self, index):
        return _core.parameter(index)

    def __repr__(self):
        return "par"

    def __reduce__(self):
        return "par"


par = _Parameters()
time = _core.time()
pi = _core.pi()


def _one_or_many(arg, function):
    """function(list) for a sequence; for one expression the only element of function([arg])."""
    if isinstance(arg, expression):
        return function([arg])[0]
    return function(arg)


def _variable(name):
    return expression(name) if isinstance(name, str) else name


def diff(arg, var):
    """The derivative of an expression, or the list of those of a sequence, with respect to a variable or parameter.

    ``var`` is an expression or the name of a variable. Raises TypeError for other types, ValueError if ``var`` is an
    expression of another kind.
    """
    var = _variable(var)
    if isinstance(var, expression) and not is_symbol(var):
        raise ValueError(f"derivatives are with respect to variables and parameters, not to '{var}'")
    return _one_or_many(arg, lambda fn: _core.diff(fn, var))


def subs(arg, smap):
    """An expression, or the list of those of a sequence, with every key of smap replaced by its value, all at once.

    Keys are expressions, or names of variables; values are expressions. Raises TypeError for other types.
    """
    if not hasattr(smap, "items"):
        raise TypeError(f"subs(): smap must be a dict, not {type(smap).__name__!r}")
    if len({isinstance(key, str) for key in smap}) > 1:
        raise TypeError("subs(): the keys must be all names or all expressions")
    keys, values = [_variable(key) for key in smap], list(smap.values())
    return _one_or_many(arg, lambda fn: _core.subs(fn, keys, values))


def rename_variables(arg, d):
    """An expression, or the list of those of a sequence, with variables renamed: d is a dict of old to new names.

    Raises TypeError for other types.
    """
    if not hasattr(d, "items") or not all(isinstance(name, str) for pair in d.items() for name in pair):
        raise TypeError("rename_variables(): d must be a dict of names to names")
    keys, values = [expression(name) for name in d], [expression(name) for name in d.values()]
    return _one_or_many(arg, lambda fn: _core.subs(fn, keys, values))


def get_variables(arg):
    """The names of the variables in an expression or a sequence of them, as a sorted list of strings."""
    return [str(e) for e in _core.variables([arg] if isinstance(arg, expression) else arg)]


def get_params(arg):
    """The parameters in an expression or a sequence of them, as a list of expressions sorted by index."""
    return _core.parameters([arg] if isinstance(arg, expression) else arg)
