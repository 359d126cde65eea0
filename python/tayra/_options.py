"""Keyword arguments and floating-point types of heyoka.py: which are known, and which have an effect here."""

import numpy as np

# They select heyoka's way to generate code; here they are accepted and do nothing.
_CODE_GENERATION = {"opt_level", "force_avx512", "slp_vectorize", "fast_math", "code_model", "parjit"}

_OTHER_TYPES = {np.longdouble: "numpy.longdouble"}


def check_ignored(what, given, more=frozenset()):
    """Raises TypeError for a keyword that heyoka.py does not know either."""
    unknown = sorted(set(given) - _CODE_GENERATION - set(more))
    if unknown:
        raise TypeError(f"{what}() got an unexpected keyword argument {unknown[0]!r}")


def check_fp_type(fp_type, supported):
    """The name of a floating-point type. TypeError if it is none, NotImplementedError if it is not supported."""
    if not isinstance(fp_type, type):
        raise TypeError(f"fp_type: a type was expected, not {fp_type!r}")
    if fp_type in (float, np.float64):
        name = "float64"
    elif fp_type is np.float32:
        name = "float32"
    elif fp_type in _OTHER_TYPES:
        name = _OTHER_TYPES[fp_type]
    else:
        raise TypeError(f"fp_type: {fp_type!r} is not a floating-point type")
    if name not in supported:
        raise NotImplementedError(f"fp_type: {name} is not implemented here; there are {', '.join(supported)}")
    return name


def _number_of(what, name, numbers):
    """The number that stands for one of several names."""
    for known, number in numbers.items():
        if type(name) is type(known) and name == known:
            return number
    names = ", ".join(f'"{known}"' if known else "None" for known in numbers)
    raise ValueError(f"{what}: one of {names} was expected, not {name!r}")


_EXECUTIONS = {None: 0, "vm": 1, "jit": 2}  # tay_execution


def execution_number(execution):
    """The number of a way to run programs."""
    return _number_of("execution", execution, _EXECUTIONS)


_PRECISIONS = {"mixed": 0, "double": 1}  # tay_precision


def precision_number(precision):
    """The number of a precision of flows."""
    return _number_of("precision", precision, _PRECISIONS)
