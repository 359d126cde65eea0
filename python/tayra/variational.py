"""Variational equations: how a solution depends on initial conditions, parameters and the initial time."""

import enum

from . import _core
from ._arguments import count_of, list_of_expressions


class var_args(enum.Flag):
    """What the derivatives are with respect to; values are combined by ``|``."""

    vars = 1
    params = 2
    time = 4
    all = 7


class var_ode_sys:
    """var_ode_sys(sys, args, order=1): the variational equations of an ODE system up to an order.

    ``sys`` is a sequence of pairs (variable, right-hand side). ``args`` says what the derivatives are with respect to:
    a value of var_args, or a sequence of distinct expressions: variables of the system (their initial conditions),
    parameters, and time (the initial time).

    The full system has the original variables first, then the derivatives order by order, component by component: with
    P arguments the first order is a matrix (n, P), row by row.

    Raises ValueError if the system or the arguments are empty, repeated or of another kind, or the order is 0;
    TypeError for other types; OverflowError if there are too many derivatives.
    """

    def __init__(self, sys, args, order=1):
        if count_of(order, "order") == 0:
            raise ValueError("order must not be 0")
        which, expressions = 0, []
        if isinstance(args, var_args):
            which = args.value
            if which == 0:
                raise ValueError("args: at least one value of var_args is needed")
        else:
            expressions = list_of_expressions(args, "args")
            if not expressions:
                raise ValueError("args: there is nothing to compute derivatives with respect to")
        self._core = _core.variational(sys, which, expressions, int(order))

    @property
    def sys(self):
        """The list of all equations (variable, right-hand side), the original ones first."""
        return self._core.equations()

    @property
    def vargs(self):
        """The list of the arguments."""
        return self._core.args()

    @property
    def order(self):
        """The highest order."""
        return self._core.order

    @property
    def n_orig_sv(self):
        """The number of variables of the original system."""
        return self._core.n_original

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        original = self.sys[: self.n_orig_sv]
        flat = [e for pair in original for e in pair]
        return _load, (_core.save(flat + self.vargs), len(flat), self.order)


def _load(data, n, order):
    """The system of a pickle: the original equations and the arguments, from which the rest follows."""
    expressions = _core.load(data)
    return var_ode_sys(list(zip(expressions[0:n:2], expressions[1:n:2])), expressions[n:], order)
