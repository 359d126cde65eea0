"""The circular restricted three-body problem."""

from .. import _core
from .._arguments import as_expression


def cr3bp(mu=0.001):
    """The equations of a particle that two bodies attract which go round each other: a list of pairs.

    The variables are x, y, z in the frame that turns with the bodies, and the momenta px = x' - y, py = y' + x, pz = z'. The
    bodies have the masses 1 - mu and mu and stand at (mu, 0, 0) and (mu - 1, 0, 0). mu may be a number above 0 and below
    0.5 (another one is a ValueError), an expression, or the name of a variable.
    """
    return _core.cr3bp(as_expression(mu, "mu"))


def cr3bp_jacobi(mu=0.001):
    """The Jacobi constant of cr3bp(), its Hamiltonian, an expression."""
    return _core.cr3bp_jacobi(as_expression(mu, "mu"))
