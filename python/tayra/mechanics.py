"""Equations of motion, from a Lagrangian or a Hamiltonian."""

from . import _core
from ._arguments import list_of_expressions
from ._core import expression


def _variables(function, name, qs, others, others_name, what):
    """The coordinates and what belongs to each of them, in one list."""
    if not isinstance(function, expression):
        raise TypeError(f"{name}: an expression was expected, not {type(function).__name__!r}")
    qs, others = list_of_expressions(qs, "qs"), list_of_expressions(others, others_name)
    if len(qs) != len(others):
        raise ValueError(f"{others_name}: as many {what} as coordinates were expected, {len(qs)}, not {len(others)}")
    return qs + others


def lagrangian(L, qs, qdots, D=expression(0.0)):
    """The Euler-Lagrange equations of a Lagrangian: a list of pairs (variable, right-hand side), first of the coordinates.

    qs, qdots: the coordinates and their velocities, sequences of different variables. L may contain these variables,
    parameters and time. D: Rayleigh's dissipation function of the velocities, parameters and time; the force
    -dD/dqdot is added. What stands with the accelerations, the matrix of second derivatives of L with respect to the
    velocities, must be invertible.

    Raises ValueError if the variables are none, are not different or not as many in both sequences, for other variables in L
    or D, and for a matrix that is singular by its zeros; TypeError for what is no expression or sequence of them.
    """
    variables = _variables(L, "L", qs, qdots, "qdots", "velocities")
    if not isinstance(D, expression):
        raise TypeError(f"D: an expression was expected, not {type(D).__name__!r}")
    return _core.lagrangian(L, variables, D)


def hamiltonian(H, qs, ps):
    """Hamilton's equations, q' = dH/dp and p' = -dH/dq: a list of pairs (variable, right-hand side), first of the coordinates.

    qs, ps: the coordinates and their momenta, sequences of different variables. H may contain these variables,
    parameters and time.

    Raises ValueError if the variables are none, are not different or not as many in both sequences, and for other variables
    in H; TypeError for what is no expression or sequence of them.
    """
    return _core.hamiltonian(H, _variables(H, "H", qs, ps, "ps", "momenta"))
