"""Tensors of derivatives of any order."""

import enum
import math
import operator

import numpy as np

from . import _core
from ._arguments import count_of, is_symbol, list_of_expressions
from ._core import expression


class diff_args(enum.Enum):
    """Which derivatives diff_tensors computes: with respect to all variables, all parameters, or both."""

    vars = 0
    params = 1
    all = 2


def _n_multisets(n, k):
    """Multisets of k elements of n: the derivatives of order k with respect to n arguments."""
    return math.comb(n + k - 1, k) if n > 0 or k > 0 else 1


def _rank(sequence, n):
    """The number of ascending sequences of this length over range(n) that come before this one in the dictionary."""
    rank, low = 0, 0
    for position, value in enumerate(sequence):
        rest = len(sequence) - position
        rank += _n_multisets(n - low, rest) - _n_multisets(n - value, rest)
        low = value
    return rank


def _dense(orders, n):
    """The pairs (argument, order) of a list of orders; None if it means nothing."""
    if len(orders) != n or min(orders, default=0) < 0:
        return None
    return list(enumerate(orders))


def _sparse(pairs, n):
    """The same of a list of such pairs."""
    arguments = [i for i, _ in pairs]
    if any(k < 1 for _, k in pairs) or any(not 0 <= i < n for i in arguments):
        return None
    if any(a >= b for a, b in zip(arguments, arguments[1:])):
        return None
    return pairs


def _is_integer(x):
    return hasattr(x, "__index__")


class dtens:
    """The derivatives of a vector function up to an order; made by diff_tensors.

    A derivative is named by its index vector: ``[component, order with respect to argument 0, 1, ...]``, or shorter
    ``(component, [(argument, order), ...])``. It is a mapping of index vectors to expressions, sorted by total order,
    then component, then arguments; mixed derivatives are there once. ``dt[i]`` is the pair of index vector and
    expression at position i.
    """

    def __init__(self):
        self._set([], [], 0)

    @classmethod
    def _make(cls, fn, args, order):
        self = cls.__new__(cls)
        self._set(fn, args, order)
        return self

    def _set(self, fn, args, order):
        self._fn, self._args, self._order = fn, args, order
        self._tensors = _core.tensors(fn, args, order) if fn else ()

    @property
    def order(self):
        """The highest order."""
        return self._order

    @property
    def args(self):
        """The list of arguments of the derivatives."""
        return list(self._args)

    @property
    def nargs(self):
        """The number of arguments."""
        return len(self._args)

    @property
    def nouts(self):
        """The number of components of the function."""
        return len(self._fn)

    def __len__(self):
        return len(self._tensors)

    def __iter__(self):
        return (self._tensors.indices(k) for k in range(len(self)))

    def _begin(self, order, component=0):
        """The position of the first derivative of an order and component."""
        n, outs = self.nargs, self.nouts
        before = outs * (_n_multisets(n + 1, order - 1) if order > 0 else 0)
        return before + component * _n_multisets(n, order)

    def index_of(self, vidx):
        """The position of an index vector; len(self) if there is none; TypeError for what is not an index vector."""
        if isinstance(vidx, (list, tuple)) and len(vidx) == 2 and _is_integer(vidx[0]) and not _is_integer(vidx[1]):
            try:
                component, pairs = int(vidx[0]), [(operator.index(i), operator.index(k)) for i, k in vidx[1]]
            except (TypeError, ValueError):
                raise TypeError(f"not an index vector: {vidx!r}") from None
            pairs = _sparse(pairs, self.nargs)
        elif isinstance(vidx, (list, tuple, np.ndarray)) and len(vidx) > 0 and all(map(_is_integer, vidx)):
            component, *orders = map(int, vidx)
            pairs = _dense(orders, self.nargs)
        else:
            raise TypeError(f"not an index vector: {vidx!r}")
        if pairs is None or not 0 <= component < self.nouts or sum(k for _, k in pairs) > self._order:
            return len(self)
        sequence = [i for i, k in pairs for _ in range(k)]
        return self._begin(len(sequence), component) + _rank(sequence, self.nargs)

    def __contains__(self, vidx):
        return self.index_of(vidx) < len(self)

    def __getitem__(self, key):
        if _is_integer(key) and not isinstance(key, np.ndarray):
            if key < 0:
                raise TypeError(f"a position must not be negative, but is {key}")
            if key >= len(self):
                raise IndexError(f"there are {len(self)} derivatives, none at position {key}")
            return self._tensors.indices(int(key)), self._tensors[int(key)]
        position = self.index_of(key)
        if position == len(self):
            raise KeyError(f"there is no derivative of index vector {key}")
        return self._tensors[position]

    def get_derivatives(self, diff_order, component=None):
        """The list of (index vector, expression) of an order, of all components or of one; empty if there are none."""
        if diff_order < 0 or (component is not None and component < 0):
            raise TypeError("order and component must not be negative")
        if diff_order > self._order or (component is not None and component >= self.nouts):
            return []
        begin = self._begin(diff_order, component or 0)
        end = self._begin(diff_order, self.nouts if component is None else component + 1)
        return [self[k] for k in range(begin, end)]

    def _first_order(self):
        if self._order < 1:
            raise ValueError("there are no derivatives of first order")
        begin = self._begin(1)
        return [self._tensors[begin + k] for k in range(self.nouts * self.nargs)]

    @property
    def gradient(self):
        """The list of first derivatives of a function of one component. Raises ValueError if it has several."""
        if self.nouts != 1:
            raise ValueError(f"the gradient is that of one component, but there are {self.nouts}")
        return self._first_order()

    @property
    def jacobian(self):
        """The first derivatives, an array of expressions of shape (nouts, nargs)."""
        if self.nouts == 0:
            raise ValueError("there is no Jacobian of a function without components")
        return _objects(self._first_order(), (self.nouts, self.nargs))

    def hessian(self, component):
        """The second derivatives of a component, an array of expressions of shape (nargs, nargs)."""
        if not 0 <= component < self.nouts:
            raise ValueError(f"there is no component {component}: there are {self.nouts}")
        if self._order < 2:
            raise ValueError(f"there are no derivatives of second order: the highest order is {self._order}")
        n, begin = self.nargs, self._begin(2, component)
        second = [self._tensors[begin + _rank(sorted((i, j)), n)] for i in range(n) for j in range(n)]
        return _objects(second, (n, n))

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return dtens._make, (self._fn, self._args, self._order)

    def __repr__(self):
        arguments = ", ".join(map(str, self._args))
        return (
            f"Highest diff order: {self._order}\nNumber of outputs : {self.nouts}\nDiff arguments    : [{arguments}]\n"
        )


def _objects(items, shape):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


def diff_tensors(func, diff_args, diff_order=1):
    """The derivatives of a sequence of expressions up to an order, as a dtens.

    ``diff_args`` is a sequence of distinct variables and parameters, or a value of the enum diff_args. Raises
    ValueError if func or the arguments are empty, repeated, or of another kind, TypeError for other types.
    """
    diff_order = count_of(diff_order, "diff_order")
    func = list_of_expressions(func, "func")
    if not func:
        raise ValueError("there are no derivatives of a function without components")
    if isinstance(diff_args, enum.Enum):
        args = [] if diff_args.name == "params" else _core.variables(func)
        args += [] if diff_args.name == "vars" else _core.parameters(func)
    else:
        args = list_of_expressions(diff_args, "diff_args")
    if not args:
        raise ValueError("there are no arguments to compute derivatives with respect to")
    if len(set(args)) < len(args):
        raise ValueError(f"the arguments of derivatives must be distinct, but are {args}")
    if not all(is_symbol(e) for e in args):
        raise ValueError("the arguments of derivatives must be variables and parameters")
    return dtens._make(func, args, diff_order)
