"""A particle among masses that are fixed in a frame, which may turn.

The variables of all systems here are x, y, z, vx, vy, vz. Numbers may be given as numbers, expressions, or names of variables.
"""

import numpy as np

from .. import _core
from .._arguments import as_expression, list_as_expressions

_NOWHERE = np.empty((0, 3))


def _arguments(Gconst=1.0, masses=(), positions=_NOWHERE, omega=()):
    if not hasattr(positions, "__iter__"):
        raise TypeError(f"positions: an array was expected, not {type(positions).__name__!r}")
    positions = np.asarray(positions, dtype=object)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise ValueError(f"positions: an array of shape (n, 3) was expected, not {positions.shape}")
    coordinates = [e for i, row in enumerate(positions) for e in list_as_expressions(row, f"positions[{i}]")]
    masses, omega = list_as_expressions(masses, "masses"), list_as_expressions(omega, "omega")
    return as_expression(Gconst, "Gconst"), masses, coordinates, omega


def mascon(Gconst=1.0, masses=(), positions=_NOWHERE, omega=()):
    """The equations of a particle near a body that turns, a list of pairs (variable, right-hand side).

    The body consists of masses at positions, an array of shape (n, 3), which are fixed in a frame that turns with the
    angular velocity omega, a vector of three components; without it the frame does not turn. Gconst: the gravitational
    constant. Raises ValueError for other shapes, or if numbers of masses and positions differ.
    """
    return _core.mascon(*_arguments(Gconst, masses, positions, omega))


def mascon_energy(Gconst=1.0, masses=(), positions=_NOWHERE, omega=()):
    """The energy of a particle of unit mass in mascon(), an expression: constant if masses, positions and omega are."""
    return _core.mascon_energy(*_arguments(Gconst, masses, positions, omega))


def mascon_potential(Gconst=1.0, masses=(), positions=_NOWHERE, omega=()):
    """The part of mascon_energy() that depends on the position alone, an expression."""
    return _core.mascon_potential(*_arguments(Gconst, masses, positions, omega))


def fixed_centres(Gconst=1.0, masses=(), positions=_NOWHERE):
    """The equations of a particle that masses at fixed positions attract, a list of pairs: mascon() without rotation."""
    return _core.mascon(*_arguments(Gconst, masses, positions))


def fixed_centres_energy(Gconst=1.0, masses=(), positions=_NOWHERE):
    """The energy of a particle of unit mass in fixed_centres(), an expression."""
    return _core.mascon_energy(*_arguments(Gconst, masses, positions))


def fixed_centres_potential(Gconst=1.0, masses=(), positions=_NOWHERE):
    """The potential energy of a particle of unit mass in fixed_centres(), an expression."""
    return _core.mascon_potential(*_arguments(Gconst, masses, positions))


def rotating(omega=()):
    """The equations of a free particle in a frame that turns with the angular velocity omega, a list of pairs."""
    return _core.mascon(*_arguments(omega=omega))


def rotating_energy(omega=()):
    """The energy of a particle of unit mass in rotating(), an expression: constant if omega is."""
    return _core.mascon_energy(*_arguments(omega=omega))


def rotating_potential(omega=()):
    """The centrifugal potential of a particle of unit mass in rotating(), an expression."""
    return _core.mascon_potential(*_arguments(omega=omega))
