"""Callbacks for the steps of a propagation."""

import math

from ._arguments import list_of_expressions
from .functions import get_variables

__all__ = ["angle_reducer"]

_TURN = 2.0 * math.pi


class angle_reducer:
    """A step callback that takes angles to [0, 2 pi] after each step.

    variables: those that are angles, a sequence of expressions; those that a system does not have do not matter. Raises
    ValueError where there are none, or expressions that are no variables, TypeError for other types.
    """

    def __init__(self, variables=...):
        if variables is ...:  # as in heyoka.py; it cannot be called
            self._names = None
            return
        expressions = list_of_expressions(variables, "variables")
        if not expressions:
            raise ValueError("variables: at least one was expected")
        for e in expressions:
            if get_variables(e) != [str(e)]:
                raise ValueError(f"variables: a variable was expected, not {e}")
        self._names = frozenset(str(e) for e in expressions)

    def pre_hook(self, ta):
        """Finds the angles in the state of an integrator, at the beginning of a propagation."""
        if self._names is None:
            raise ValueError("this angle_reducer was made without variables")
        self._places = [i for i, (variable, _) in enumerate(ta.sys) if str(variable) in self._names]

    def __call__(self, ta):
        """Reduces the angles in the state of the integrator that was given to pre_hook(). True."""
        state = ta.state
        for i in self._places:
            state[i] -= _TURN * math.floor(state[i] / _TURN)
        return True

    def __repr__(self):
        if self._names is None:
            return "Angle reducer (default constructed)"
        return f"Angle reducer: {{{', '.join(sorted(self._names))}}}"
