"""Models: functions that build the expressions of well-known systems."""

from ._ffnn import ffnn
from ._nbody import nbody, nbody_energy, nbody_potential
from ._pendulum import pendulum, pendulum_energy

__all__ = ["ffnn", "nbody", "nbody_energy", "nbody_potential", "pendulum", "pendulum_energy"]
