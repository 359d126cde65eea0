"""Events: the times at which functions of the state, the parameters and time cross zero."""

import copy
import enum
import math
import pickle

from ._arguments import number_of
from ._core import expression
from ._options import check_fp_type
from ._pickler import pickler


class event_direction(enum.Enum):
    """Which crossings are events: any, or those where the function increases, or decreases, with time."""

    any = 0
    positive = 1
    negative = -1


def _save(callback):
    """A callback as pickle does it; what pickle refuses, like a lambda, as cloudpickle does, where that is installed."""
    try:
        return pickle.dumps(callback)
    except (AttributeError, TypeError, pickle.PicklingError):
        return pickler().dumps(callback)


class _event:
    """What both kinds of events have. The callback is a copy of the one given (functions are not copied)."""

    def __init__(self, function, callback, direction):
        if not isinstance(function, expression):
            raise TypeError(f"an event's function must be an expression, but is of type {type(function).__name__!r}")
        if not (callback is None or callable(callback)):
            raise TypeError(f"an event's callback must be callable, but is of type {type(callback).__name__!r}")
        if not isinstance(direction, event_direction):
            raise TypeError(f"an event's direction must be an event_direction, but is {direction!r}")
        self._expression, self._callback, self._direction = function, copy.deepcopy(callback), direction

    @property
    def expression(self):
        """The function."""
        return self._expression

    @property
    def callback(self):
        """The callback, or None."""
        return self._callback

    @property
    def direction(self):
        """Which of its crossings of zero are events."""
        return self._direction

    def __copy__(self):
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _callback=copy.deepcopy(self._callback))
        return other

    def __deepcopy__(self, memo):
        other = object.__new__(type(self))
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other

    def __getstate__(self):
        return self.__dict__ | {"_callback": _save(self._callback)}

    def __setstate__(self, saved):
        self.__dict__.update(saved, _callback=pickle.loads(saved["_callback"]))

    def _describe(self, kind, *more):
        lines = [
            ("C++ datatype", "double"),
            ("Event type", kind),
            ("Event equation", self._expression),
            ("Event direction", f"event_direction::{self._direction.name}"),
            *more,
        ]
        return "".join(f"{name:<15}: {value}\n" for name, value in lines)


class nt_event_dbl(_event):
    """A non-terminal event; see nt_event()."""

    def __init__(self, expression, callback, direction=event_direction.any):
        if callback is None:
            raise TypeError("the callback of a non-terminal event must be callable, but is None")
        super().__init__(expression, callback, direction)

    def _core(self):
        """As the C library takes it: function, whether it is terminal, whether there is a callback, direction, cooldown."""
        return self._expression, False, True, self._direction.value, 0.0

    def __repr__(self):
        return self._describe("non-terminal")


class t_event_dbl(_event):
    """A terminal event; see t_event()."""

    def __init__(self, expression, callback=None, direction=event_direction.any, cooldown=-1.0):
        self._cooldown = number_of(cooldown, "cooldown")
        if not math.isfinite(self._cooldown):
            raise ValueError(f"an event's cooldown must be finite, but is {self._cooldown}")
        super().__init__(expression, callback, direction)

    @property
    def cooldown(self):
        """The time for which it cannot happen again; negative: found by the integrator."""
        return self._cooldown

    def _core(self):
        # For the library 0 is "to be found", and a negative number none at all.
        cooldown = 0.0 if self._cooldown < 0 else self._cooldown or -1.0
        return self._expression, True, self._callback is not None, self._direction.value, cooldown

    def __repr__(self):
        more = [
            ("With callback", "yes" if self._callback is not None else "no"),
            ("Cooldown", "auto" if self._cooldown < 0 else f"{self._cooldown:g}"),
        ]
        return self._describe("terminal", *more)


def t_event(ex, fp_type=float, **kwargs):
    """A terminal event: a step ends at the time at which the function `ex` crosses zero, and so may the propagation.

    callback(ta, sign) is called with the integrator `ta`, which is at that time, and the sign of the function's derivative with
    respect to time (1, 0 or -1). It returns whether to go on; None counts as no. Without a callback, the propagation ends there.

    cooldown (-1.): for this time, forward or backward, the same event cannot happen again; a negative number: the time in
    which the function changes by ten times its error. direction (event_direction.any): which crossings count.

    Raises TypeError for arguments of the wrong type, ValueError for a cooldown that is not finite.
    """
    check_fp_type(fp_type, ("float64",))
    return t_event_dbl(ex, **kwargs)


def nt_event(ex, callback, fp_type=float, **kwargs):
    """A non-terminal event: callback(ta, time, sign) is called after each step in which the function `ex` crosses zero.

    time is that of the crossing, sign that of the function's derivative with respect to time (1, 0 or -1). The integrator `ta`
    is at the end of the step; ta.update_d_output(time) gives the state at the event. direction (event_direction.any): which
    crossings count.

    Raises TypeError for arguments of the wrong type.
    """
    check_fp_type(fp_type, ("float64",))
    return nt_event_dbl(ex, callback, **kwargs)
