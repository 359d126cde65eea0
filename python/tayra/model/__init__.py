"""Models: functions that build the expressions of well-known systems."""

from ._cr3bp import cr3bp, cr3bp_jacobi
from ._ffnn import ffnn
from ._mascon import fixed_centres, fixed_centres_energy, fixed_centres_potential
from ._mascon import mascon, mascon_energy, mascon_potential
from ._mascon import rotating, rotating_energy, rotating_potential
from ._nbody import nbody, nbody_energy, nbody_potential, np1body, np1body_energy, np1body_potential
from ._pendulum import pendulum, pendulum_energy

__all__ = [
    "cr3bp", "cr3bp_jacobi", "ffnn", "fixed_centres", "fixed_centres_energy", "fixed_centres_potential", "mascon",
    "mascon_energy", "mascon_potential", "nbody", "nbody_energy", "nbody_potential", "np1body", "np1body_energy",
    "np1body_potential", "pendulum", "pendulum_energy", "rotating", "rotating_energy", "rotating_potential",
]  # fmt: skip
