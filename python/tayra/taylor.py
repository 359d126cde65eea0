"""The adaptive integrator: Taylor series of an order, and in steps of a size, that a tolerance asks for."""

import copy
import enum
import functools
import itertools
import math

import numpy as np

from . import _core
from ._arguments import array_of, checked_array, count_of, list_of, number_of
from ._options import check_fp_type, check_ignored, execution_number
from .continuous import continuous_output_dbl
from .events import nt_event_dbl, t_event_dbl
from .variational import var_ode_sys


@functools.total_ordering
class taylor_outcome(enum.Enum):
    """Why a step or a propagation ended.

    At a terminal event it is a value without a name: i, the event's index, if its callback wants to go on, which steps tell; or
    -i - 1 if it does not, or if there is none.
    """

    success = -4294967297
    step_limit = -4294967298
    time_limit = -4294967299
    err_nf_state = -4294967300
    cb_stop = -4294967301

    def __int__(self):
        return self.value

    __index__ = __int__

    def __lt__(self, other):
        return self.value < other.value if isinstance(other, taylor_outcome) else NotImplemented

    @classmethod
    def _missing_(cls, value):
        if type(value) is not int:
            return None
        event = object.__new__(cls)
        event._name_, event._value_ = "???", value
        return cls._value2member_map_.setdefault(value, event)


# In the order of the C library's tay_outcome.
_OUTCOMES = (
    taylor_outcome.success,
    taylor_outcome.time_limit,
    taylor_outcome.step_limit,
    taylor_outcome.cb_stop,
    taylor_outcome.err_nf_state,
)


def _vector(values, what):
    """A new one-dimensional array of doubles. TypeError for what is not a sequence of numbers."""
    try:
        array = np.array(array_of(values, what), dtype=np.float64)
        if array.ndim != 1:
            raise TypeError
        return array
    except TypeError:
        raise TypeError(f"{what}: a sequence of numbers was expected, not {type(values).__name__!r}") from None


def _callbacks(callback):
    """(the callables as a tuple, what the propagation returns)"""
    many = not callable(callback) and isinstance(callback, (list, tuple))
    callbacks = tuple(callback) if many else (callback,)
    for one in callbacks:
        if not callable(one):
            raise TypeError(f"a step callback must be callable, but this is of type {type(one).__name__!r}")
    return callbacks, list(callbacks) if many else callback


def _copies(events):
    return [copy.copy(e) for e in events]


def _events(events, kind, what):
    """Copies of events, with callbacks of their own."""
    events = list_of(events, what, "a sequence of events")
    for e in events:
        if not isinstance(e, kind):
            raise TypeError(f"{what}: events of type {kind.__name__!r} were expected, not {type(e).__name__!r}")
    return _copies(events)


def _number(x):
    """A number as heyoka.py writes it: the shortest text that gives the same double."""
    text = repr(float(x))
    return text[:-2] if text.endswith(".0") else text


class taylor_adaptive_dbl:
    """An adaptive Taylor integrator in double precision; see taylor_adaptive()."""

    __slots__ = (
        "_ode",
        "_var",
        "_compact_mode",
        "_wanted",  # the execution asked for
        "_t_events",
        "_nt_events",
        "_event_callbacks",  # those of terminal events, then the others
        "_state",
        "_pars",
        "_tc",
        "_d_output",
        "_tstate",
        "__dict__",
        "__weakref__",
    )

    def __init__(
        self,
        sys,
        state=(),
        time=0.0,
        pars=(),
        tol=0.0,
        high_accuracy=False,
        compact_mode=False,
        t_events=(),
        nt_events=(),
        parallel_mode=False,
        execution=None,
        **ignored,
    ):
        check_ignored("taylor_adaptive", ignored, {"prec"})
        t_events = _events(t_events, t_event_dbl, "t_events")
        nt_events = _events(nt_events, nt_event_dbl, "nt_events")
        tol, time = number_of(tol, "tol"), number_of(time, "time")
        if not tol >= 0 or tol == math.inf:
            raise ValueError(f"tol must be finite and positive, but is {tol}")
        self._var = sys if isinstance(sys, var_ode_sys) else None
        system = self._var._core if self._var else list_of(sys, "sys")
        state = _vector(state if state is not None else (), "state")
        if state.size == 0:
            state = np.zeros(self._var.n_orig_sv if self._var else len(system))
        pars = _vector(pars, "pars")
        setup = tol, bool(high_accuracy), execution_number(execution), [e._core() for e in t_events + nt_events]
        ode = _core.ode(system, state, pars, time, *setup)
        if pars.size not in (0, ode.n_pars):
            raise ValueError(f"pars: {pars.size} values were given, but the system has {ode.n_pars} parameters")
        self._compact_mode, self._wanted = bool(compact_mode), execution
        self._attach(ode, t_events, nt_events)

    def _attach(self, ode, t_events, nt_events):
        self._ode = ode
        self._take_events(t_events, nt_events)
        self._state, self._pars = np.asarray(ode.state()), np.asarray(ode.pars())
        self._tc = np.asarray(ode.jet())
        self._d_output = np.zeros(ode.dim)
        self._tstate = np.zeros(self.n_orig_sv)

    def _take_events(self, t_events, nt_events):
        self._t_events, self._nt_events = t_events, nt_events
        self._event_callbacks = tuple(e.callback for e in t_events + nt_events)

    # What the integrator is.

    @property
    def dim(self):
        """The number of variables."""
        return self._ode.dim

    @property
    def order(self):
        """The order of the Taylor series."""
        return self._ode.order

    @property
    def tol(self):
        """The tolerance."""
        return self._ode.tolerance

    @property
    def high_accuracy(self):
        """Whether the state is updated by compensated summation."""
        return self._ode.high_accuracy

    @property
    def execution(self):
        """Who runs it: "vm" or "jit"."""
        return self._ode.execution

    @property
    def compact_mode(self):
        """As given to the constructor; it has no effect here."""
        return self._compact_mode

    @property
    def sys(self):
        """The equations: a list of pairs (variable, right-hand side)."""
        return self._ode.equations()

    @property
    def decomposition(self):
        """The program that computes the Taylor series, for people: a list of lines of text."""
        return self._ode.dump().splitlines()

    @property
    def with_events(self):
        """Whether there are events."""
        return bool(self._event_callbacks)

    @property
    def t_events(self):
        """The terminal events: a new list of the integrator's own."""
        return list(self._t_events)

    @property
    def nt_events(self):
        """The non-terminal events: a new list of the integrator's own."""
        return list(self._nt_events)

    @property
    def te_cooldowns(self):
        """For each terminal event (time since it happened, its cooldown), or None if it can happen."""
        return [self._ode.cooldown(i) for i in range(len(self._t_events))]

    def reset_cooldowns(self):
        """All terminal events can happen again, as is wanted when the state has been changed."""
        self._ode.reset_cooldowns()

    # Where it is.

    @property
    def state(self):
        """The state, an array of shape (dim,) that is the integrator's own: what is written into it is the state."""
        return self._state

    @property
    def pars(self):
        """The parameters, an array that is the integrator's own: what is written into it are the parameters."""
        return self._pars

    @property
    def time(self):
        """The time. Raises ValueError if it is set to what is not finite."""
        return self._ode.time[0]

    @time.setter
    def time(self, value):
        self._ode.time = (value, 0.0)

    @property
    def dtime(self):
        """The time as a pair (hi, lo) whose sum it is. Raises ValueError if |lo| > |hi|, or for what is not finite."""
        return self._ode.time

    @dtime.setter
    def dtime(self, value):
        self._ode.time = tuple(list_of(value, "dtime", "a pair of numbers"))

    @property
    def last_h(self):
        """The size of the last step; 0 before the first."""
        return self._ode.last_h

    @property
    def tc(self):
        """The Taylor coefficients of the last step, about its beginning: read-only, of shape (dim, order + 1)."""
        return self._tc

    @property
    def d_output(self):
        """What update_d_output() computed last: read-only, of shape (dim,)."""
        view = self._d_output.view()
        view.flags.writeable = False
        return view

    def update_d_output(self, t, rel_time=False):
        """The state at a finite time t by the Taylor series of the last step: accurate inside that step. An array (dim,).

        With rel_time, t counts from the current time.
        """
        self._ode.dense(self._d_output, t, rel_time)
        return self.d_output

    # Steps and propagations.

    def step(self, max_delta_t=math.inf, write_tc=False):
        """One step, at most max_delta_t in the direction of its sign: (outcome, size of the step).

        The Taylor coefficients are always there afterwards; write_tc has no effect here. Raises ValueError if
        max_delta_t is NaN.
        """
        if isinstance(max_delta_t, bool):  # step(write_tc)
            max_delta_t = math.inf
        if math.isnan(max_delta_t):
            raise ValueError("max_delta_t must not be NaN")
        outcome, h = self._ode.step(max_delta_t, self, self._event_callbacks)
        return self._outcome(outcome), h

    def _outcome(self, number):
        if number < len(_OUTCOMES):
            return _OUTCOMES[number]
        event = self._ode.terminal_event
        return taylor_outcome(event if number == len(_OUTCOMES) else -event - 1)

    def step_backward(self, write_tc=False):
        """As step(), backward in time."""
        return self.step(-math.inf)

    def propagate_until(self, t, max_steps=0, max_delta_t=math.inf, callback=None, write_tc=False, c_output=False):
        """Integrates to time t, forward or backward.

        max_steps: 0 is no limit. callback: called after each step with the integrator; it returns whether to go on. It
        may be an object with a method pre_hook(), which is called once at the beginning, or a list of callbacks.
        c_output: whether to return a continuous output.

        Returns (outcome, smallest and largest step size, number of steps, continuous output or None, callback). Steps
        that were shortened by max_delta_t or t do not count for the step sizes.

        Raises ValueError for a time that is not finite and a limit that is not positive; TypeError for other types;
        RuntimeError if the callback changes the time; and what the callback raises. Ctrl-C raises KeyboardInterrupt. In
        all these cases the integrator is at its last completed step.
        """
        return self._propagate(False, t, max_steps, max_delta_t, callback, c_output)

    def propagate_for(self, delta_t, max_steps=0, max_delta_t=math.inf, callback=None, write_tc=False, c_output=False):
        """Integrates for a time delta_t, which may be negative; see propagate_until()."""
        return self._propagate(True, delta_t, max_steps, max_delta_t, callback, c_output)

    def _propagate(self, relative, t, max_steps, max_delta_t, callback, c_output):
        callbacks, returned = ((), None) if callback is None else _callbacks(callback)
        outcome, min_h, max_h, n, output = self._ode.propagate(
            relative, t, max_steps, max_delta_t, callbacks, self, self._event_callbacks, c_output
        )
        if output is not None:
            output = continuous_output_dbl._make(output)
        return self._outcome(outcome), min_h, max_h, n, output, returned

    def propagate_grid(self, grid, max_steps=0, max_delta_t=math.inf, callback=None):
        """Integrates to the last time of a grid, and gives the states at all of its times.

        grid: finite times, strictly increasing or decreasing, the first of them the current time. For the other
        arguments see propagate_until().

        Returns (outcome, smallest and largest step size, number of steps, callback, states); the states are an array of
        shape (number of times, dim), with fewer rows if the propagation ended early.

        Raises ValueError for an unsuitable grid, and what propagate_until() raises.
        """
        grid = _vector(grid, "grid")
        if grid.size == 0:
            raise ValueError("grid: at least one time is needed")
        states = np.empty((grid.size, self.dim))
        callbacks, returned = ((), None) if callback is None else _callbacks(callback)
        outcome, min_h, max_h, n, n_rows = self._ode.grid(
            states, grid, max_steps, max_delta_t, callbacks, self, self._event_callbacks
        )
        if n_rows < grid.size:
            states = states[:n_rows].copy()
        return self._outcome(outcome), min_h, max_h, n, returned, states

    # Variational equations.

    @property
    def is_variational(self):
        """Whether the system is a var_ode_sys."""
        return self._var is not None

    @property
    def n_orig_sv(self):
        """The number of variables of the original system."""
        return self._var.n_orig_sv if self._var else self.dim

    def _variational(self):
        if self._var is None:
            raise ValueError("this is for integrators of variational equations only")
        return self._var

    @property
    def vargs(self):
        """The arguments of the derivatives. Like all that follows, a ValueError without variational equations."""
        return self._variational().vargs

    @property
    def vorder(self):
        """The highest order of the derivatives."""
        return self._variational().order

    @property
    def tstate(self):
        """What eval_taylor_map() computed last: read-only, of shape (n_orig_sv,)."""
        self._variational()
        view = self._tstate.view()
        view.flags.writeable = False
        return view

    def get_vslice(self, order, component=None):
        """The slice of the state with the derivatives of an order, of all or one component; empty if there are none."""
        core = self._variational()._core
        order, component = count_of(order, "order"), None if component is None else count_of(component, "component")
        first = core.slice(order, 0 if component is None else component)
        last = core.slice(order, self.n_orig_sv - 1) if component is None else first
        return slice(first[0], last[1]) if first else slice(self.dim, self.dim)

    def get_mindex(self, i):
        """What variable i is: [component, order with respect to argument 0, 1, ...]; ValueError if i is too large."""
        return self._variational()._core.multi_index(count_of(i, "i"))

    def eval_taylor_map(self, inputs, /):
        """The state of the original system for changed arguments, by the Taylor series in them: an array (n_orig_sv,).

        inputs: the change of each argument, an array of doubles or a sequence. Raises ValueError for a wrong shape,
        TypeError for a wrong dtype.
        """
        n_args = len(self.vargs)
        inputs = checked_array(inputs, np.float64, "inputs")
        if inputs.shape != (n_args,):
            raise ValueError(f"inputs: an array of shape {(n_args,)} was expected, not {inputs.shape}")
        n = self.n_orig_sv
        result = self._state[:n].copy()
        for order in range(1, self.vorder + 1):
            derivatives = self._state[self.get_vslice(order)].reshape(n, -1)
            result += derivatives @ _monomials(inputs, order)
        self._tstate[:] = result
        return self.tstate

    # Copies.

    def _copy_with(self, extra):
        other = object.__new__(type(self))
        other._var, other._compact_mode, other._wanted = self._var, self._compact_mode, self._wanted
        other._attach(self._ode.copy(), _copies(self._t_events), _copies(self._nt_events))
        other._d_output[:], other._tstate[:] = self._d_output, self._tstate
        other.__dict__.update(extra)
        return other

    def __copy__(self):
        return self._copy_with(self.__dict__)

    def __deepcopy__(self, memo):
        return self._copy_with(copy.deepcopy(self.__dict__, memo))

    def __getstate__(self):
        """All but the last step's Taylor coefficients and size, which a copy from a pickle has only after a step."""
        system = self._var or _core.save([e for pair in self.sys for e in pair])
        setup = (self.tol, self.high_accuracy, self._compact_mode, self._wanted)
        events = (self._t_events, self._nt_events)
        where = (self.dtime, events, self.te_cooldowns, self._state.copy(), self._pars.copy(), self._d_output, self._tstate)
        return system, setup, where, self.__dict__

    def __setstate__(self, saved):
        system, setup, where, extra = saved
        tol, high_accuracy, self._compact_mode, self._wanted = setup
        self._var = system if isinstance(system, var_ode_sys) else None
        if self._var:
            system = self._var._core
        else:
            flat = _core.load(system)
            system = list(zip(flat[0::2], flat[1::2]))
        # The state may have become non-finite since the integrator was made, which its constructor refuses.
        events, zeros, pars = where[1], np.zeros(where[3].size), where[4]
        setup = tol, high_accuracy, execution_number(self._wanted), [e._core() for e in events[0] + events[1]]
        self._attach(_core.ode(system, zeros, pars, 0.0, *setup), *events)
        self._place(where, extra)

    def _place(self, where, extra):
        """Takes over the last two parts of another one's __getstate__()."""
        self._ode.time = where[0]
        self._take_events(*where[1])
        for i, cooldown in enumerate(where[2]):
            self._ode.set_cooldown(i, *(cooldown or (0.0, -1.0)))
        for mine, its in zip((self._state, self._pars, self._d_output, self._tstate), where[3:]):
            mine[:] = its
        self.__dict__.update(extra)

    def __repr__(self):
        lines = [
            ("Data type", "float64"),
            ("Tolerance", _number(self.tol)),
            ("High accuracy", str(self.high_accuracy).lower()),
            ("Compact mode", str(self.compact_mode).lower()),
            ("Taylor order", self.order),
            ("Dimension", self.dim),
            ("Time", _number(self.time)),
            ("State", f"[{', '.join(map(_number, self._state))}]"),
        ]
        if self._pars.size:
            lines.append(("Parameters", f"[{', '.join(map(_number, self._pars))}]"))
        if self._t_events:
            lines.append(("N of terminal events", len(self._t_events)))
        if self._nt_events:
            lines.append(("N of non-terminal events", len(self._nt_events)))
        if self._var:
            lines.append(("Variational order", self.vorder))
        return "".join(f"{name:<24}: {value}\n" for name, value in lines)


def _monomials(x, order):
    """x^m / m! for all multi-indices m of an order, in the order of the variational state."""
    n = x.size
    if order == 1:
        return x
    indices = np.array(list(itertools.combinations_with_replacement(range(n), order)), dtype=np.intp)
    values = np.prod(x[indices], axis=1)
    repeats = np.ones(len(indices))  # m! = product of the places in each run of equal indices
    run = np.ones(len(indices))
    for k in range(1, order):
        run = np.where(indices[:, k] == indices[:, k - 1], run + 1, 1)
        repeats *= run
    return values / repeats


def taylor_adaptive(sys, state=(), fp_type=float, **kwargs):
    """An adaptive Taylor integrator of an ODE system, at an initial state.

    sys: a sequence of pairs (variable, right-hand side), or a var_ode_sys. state: the initial values of all variables;
    of a var_ode_sys also of the original ones only, and then the derivatives get theirs from the other arguments;
    without it they are 0.

    Keyword arguments: time (0.), the initial time; pars, the values of the parameters (all 0); tol, the tolerance
    (2**-52, also for 0.); high_accuracy (False), compensated summation in the update of the state.

    execution (None): "vm", an interpreter that is there at once, or "jit", machine code that LLVM makes and that is faster,
    the more so for small systems; None leaves it to the library, or to the environment variable TAYRA_EXEC. Where machine
    code cannot be made the interpreter runs, with a RuntimeWarning.

    t_events, nt_events (): events, see t_event() and nt_event(). The integrator has copies of them.

    compact_mode, parallel_mode, prec, opt_level, force_avx512, slp_vectorize, fast_math, code_model and parjit select
    heyoka.py's way to generate code. They are accepted and have no effect here.

    Raises ValueError for an invalid system, numbers of values that do not fit, values that are not finite, and a
    tolerance that is negative or not finite; TypeError for other types; NotImplementedError for
    floating-point types other than float; OverflowError or MemoryError if the system is too large.
    """
    check_fp_type(fp_type, ("float64",))
    return taylor_adaptive_dbl(sys, state, **kwargs)
