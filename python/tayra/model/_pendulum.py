"""The simple pendulum."""

from .. import _core
from .._arguments import as_expression


def pendulum(gconst=1.0, length=1.0):
    """The equations of a pendulum: x' = v, v' = -gconst / length * sin(x), a list of pairs.

    The arguments may be numbers, expressions, or names of variables.
    """
    return _core.pendulum(as_expression(gconst, "gconst"), as_expression(length, "length"))


def pendulum_energy(gconst=1.0, length=1.0):
    """The energy of a pendulum of unit mass, 0 at rest, an expression."""
    return _core.pendulum_energy(as_expression(gconst, "gconst"), as_expression(length, "length"))
