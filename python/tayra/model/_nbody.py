"""Gravitating bodies."""

from .. import _core
from .._arguments import as_expression, count_of, list_as_expressions


def _arguments(n, Gconst, masses):
    if masses is not None:
        masses = list_as_expressions(masses, "masses")
    return count_of(n, "n"), as_expression(Gconst, "Gconst"), masses


def nbody(n, Gconst=1.0, masses=None):
    """The equations of n gravitating bodies: a list of pairs (variable, right-hand side).

    The variables are x_0, y_0, z_0, vx_0, vy_0, vz_0 of the first body, x_1, ... of the next. Gconst: the gravitational
    constant. masses: of the first bodies; the others, and those of mass 0, attract nothing; without it all are 1. Both
    may be numbers, expressions, or names of variables. Raises ValueError for less than 2 bodies, or more masses than
    bodies.
    """
    return _core.nbody(*_arguments(n, Gconst, masses))


def nbody_energy(n, Gconst=1.0, masses=None):
    """The total energy of the bodies of nbody(), an expression."""
    return _core.nbody_energy(*_arguments(n, Gconst, masses))


def nbody_potential(n, Gconst=1.0, masses=None):
    """The potential energy of the bodies of nbody(), an expression."""
    return _core.nbody_potential(*_arguments(n, Gconst, masses))


def np1body(n, Gconst=1.0, masses=None):
    """The equations of nbody() relative to the first body, as planets to their star: pairs (variable, right-hand side).

    n and masses are those of nbody(), the first body included, but the variables begin with x_1: x_1, y_1, z_1, vx_1, vy_1,
    vz_1 of the second body, x_2, ... of the next. Raises what nbody() raises.
    """
    return _core.np1body(*_arguments(n, Gconst, masses))


def np1body_energy(n, Gconst=1.0, masses=None):
    """The total energy of the bodies of np1body() in the frame where the centre of their masses rests, an expression."""
    return _core.np1body_energy(*_arguments(n, Gconst, masses))


def np1body_potential(n, Gconst=1.0, masses=None):
    """The potential energy of the bodies of np1body(), an expression."""
    return _core.np1body_potential(*_arguments(n, Gconst, masses))
