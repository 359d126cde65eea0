"""tayra: ordinary differential equations by adaptive Taylor series; expressions compiled and differentiated.

The interface is that of heyoka.py: a script written for it runs with ``import tayra as hk``.
"""

import enum

from . import _core, callback, model
from ._core import expression
from ._flow import flow
from ._llvm_state import llvm_state
from ._sympy import from_sympy, to_sympy
from ._threads import get_nthreads, set_nthreads
from .compiled import cfunc, cfunc_dbl, cfunc_flt
from .continuous import continuous_output_dbl
from .ensemble import ensemble_propagate_for, ensemble_propagate_grid, ensemble_propagate_until
from .events import event_direction, nt_event, nt_event_dbl, t_event, t_event_dbl
from .functions import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    diff,
    eq,
    erf,
    erfc,
    exp,
    expm1,
    get_params,
    get_variables,
    gt,
    gte,
    kepDE,
    kepE,
    kepF,
    leaky_relu,
    leaky_relup,
    log,
    log1p,
    logical_and,
    logical_or,
    lt,
    lte,
    make_vars,
    neq,
    par,
    pi,
    prod,
    relu,
    relup,
    rename_variables,
    select,
    sigmoid,
    sin,
    sinh,
    sqrt,
    subs,
    sum,
    tan,
    tanh,
    time,
)
from .mechanics import hamiltonian, lagrangian
from .taylor import taylor_adaptive, taylor_adaptive_dbl, taylor_outcome
from .tensors import diff_args, diff_tensors, dtens
from .variational import var_args, var_ode_sys

__version__ = _core.version


class code_model(enum.Enum):
    """A choice for heyoka.py's compiler, which has no effect here."""

    tiny = 0
    small = 1
    kernel = 2
    medium = 3
    large = 4


_MODULES = {"compiled", "continuous", "ensemble", "enum", "events", "functions", "mechanics", "taylor", "tensors", "variational"}
__all__ = [name for name in dir() if not name.startswith("_") and name not in _MODULES]
