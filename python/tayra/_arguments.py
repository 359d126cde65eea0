"""Arguments as callers give them: numbers of things, sequences of expressions, arrays of numbers."""

import operator

import numpy as np

from ._core import expression, parts

MOST_COUNT = 2**32 - 1  # what C keeps in 32 bits


def count_of(n, what, most=MOST_COUNT, error=TypeError):
    """An integer from 0 to most. TypeError for what is no integer, `error` for another one (TypeError, as in heyoka.py)."""
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{what}: an integer was expected, not {n!r}") from None
    if not 0 <= count <= most:
        raise error(f"{what}: a number from 0 to {most} was expected, not {count}")
    return count


def number_of(x, what):
    """A float; TypeError for what is no real number, text too."""
    if not hasattr(x, "__float__") and not hasattr(x, "__index__"):
        raise TypeError(f"{what}: a number was expected, not {x!r}")
    return float(x)


def list_of(items, what, kind="a sequence"):
    """The items of a sequence or another iterable; TypeError for what is none (text and dictionaries count as none)."""
    try:
        iterator = None if isinstance(items, (str, bytes, dict)) else iter(items)
    except TypeError:
        iterator = None
    if iterator is None:
        raise TypeError(f"{what}: {kind} was expected, not {type(items).__name__!r}")
    return list(iterator)


def list_of_expressions(items, what):
    """The same of expressions."""
    items = list_of(items, what, "a sequence of expressions")
    if not all(isinstance(e, expression) for e in items):
        raise TypeError(f"{what}: a sequence of expressions was expected")
    return items


def is_symbol(e):
    """Whether an expression is a variable or a parameter: derivatives are with respect to these."""
    return parts(e)[0] in ("variable", "parameter")


def as_expression(x, what):
    """An expression as it is, one of a number or of a variable's name; TypeError for anything else."""
    try:
        return expression(x)
    except TypeError:
        raise TypeError(f"{what}: a number, a name or an expression was expected, not {type(x).__name__!r}") from None


def list_as_expressions(items, what):
    """The same of a sequence of them."""
    return [as_expression(e, f"{what}[{i}]") for i, e in enumerate(list_of(items, what))]


def array_of(x, what):
    """An array of what has real numbers; TypeError for anything else, text too."""
    kind = type(x).__name__
    try:
        array = np.asarray(x)
        if array.dtype.kind == "O":  # fractions and the like
            array = np.reshape([e.__float__() for e in array.ravel()], array.shape)
        if array.dtype.kind in "fiub":
            return array
        kind = f"numbers of type {array.dtype}" if array.dtype.kind == "c" else kind
    except (AttributeError, TypeError, ValueError):  # of elements that are no numbers, of rows of unequal length
        pass
    raise TypeError(f"{what}: expected an array of real numbers, got {kind}")


def checked_array(values, dtype, what):
    """An array of this type as it is, in one piece; anything else that can be converted, as a new one, as numpy does it."""
    if isinstance(values, np.ndarray):
        if values.dtype != dtype:
            raise TypeError(f"{what}: an array of dtype {np.dtype(dtype)} was expected, not {values.dtype}")
        flags = values.flags
        if not flags.c_contiguous:
            raise ValueError(f"{what}: the array is not C-contiguous; numpy.ascontiguousarray() makes one that is")
        if not flags.aligned:
            raise ValueError(f"{what}: the array is not aligned to its elements in memory; its copy() is")
        return values
    if not hasattr(values, "__iter__"):
        raise TypeError(f"{what}: an array or sequence was expected, not {type(values).__name__!r}")
    array = np.asarray(values)
    if array.dtype.kind in "Oc":  # numpy makes NaN of None
        array = array_of(values, what)
    return np.array(array, dtype=dtype, order="C")
