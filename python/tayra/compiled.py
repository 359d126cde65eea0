"""Compiled functions: expressions evaluated at one point or at many.

Arrays are taken as they are: of the function's dtype and C-contiguous. Lists and other sequences are converted.
"""

import numpy as np

from . import _core
from ._arguments import checked_array, list_of_expressions
from ._options import check_fp_type, check_ignored, execution_number
from ._threads import get_nthreads

_MISSING = object()


class _cfunc:
    """A compiled function; see cfunc()."""

    _dtype = None

    def __init__(self, fn, vars, high_accuracy=False, compact_mode=False, parallel_mode=False, execution=None, **ignored):
        check_ignored("cfunc", ignored, {"batch_size", "prec"})
        self._fn, self._vars = list_of_expressions(fn, "fn"), list_of_expressions(vars, "vars")
        self._flags = (bool(high_accuracy), bool(compact_mode), bool(parallel_mode))
        self._execution = execution
        self._compile()

    def _compile(self):
        number = execution_number(self._execution)
        self._core = _core.cfunc(self._fn, self._vars, self._dtype == np.float32, number)
        self._n_pars, self._has_time = self._core.n_pars, self._core.has_time

    def __call__(self, inputs, outputs=None, pars=None, time=None, batch_parallel=None):
        """The values of the function at one point or at N points.

        inputs: shape (nvars,) or (nvars, N). pars: (nparams,) or (nparams, N). time: a number, or shape (N,). outputs:
        an array for the result, of shape (nouts,) or (nouts, N), which must not overlap the others; without it a new
        one is made. Returns outputs. ``batch_parallel`` has no effect here.

        Raises TypeError for a wrong dtype, ValueError for a wrong shape, a layout that is not C-contiguous, missing
        parameters or time, and overlapping arrays.
        """
        inputs = checked_array(inputs, self._dtype, "inputs")
        if inputs.ndim not in (1, 2):
            raise ValueError(f"inputs: an array of 1 or 2 dimensions was expected, not {inputs.ndim}")
        if inputs.shape[0] != len(self._vars):
            raise ValueError(f"inputs: {len(self._vars)} variables were expected, not {inputs.shape[0]}")
        many = inputs.ndim == 2
        n = inputs.shape[1] if many else 1
        pars = self._pars(pars, inputs)
        time = self._times(time, inputs)
        if outputs is None:
            outputs = np.empty((len(self._fn),) + inputs.shape[1:], dtype=self._dtype)
        else:
            self._check_outputs(outputs, inputs)
        self._core.eval(outputs, inputs, pars, time, n, not many, get_nthreads())
        return outputs

    def _check_outputs(self, outputs, inputs):
        shape = (len(self._fn),) + inputs.shape[1:]
        if not isinstance(outputs, np.ndarray):
            raise TypeError(f"outputs: a numpy array was expected, not {type(outputs).__name__!r}")
        checked_array(outputs, self._dtype, "outputs")
        if outputs.shape != shape:
            raise ValueError(f"outputs: an array of shape {shape} was expected, not {outputs.shape}")
        if not outputs.flags.writeable:
            raise ValueError("outputs: the array is read-only")

    def _pars(self, pars, inputs):
        shape = (self._n_pars,) + inputs.shape[1:]
        if pars is None:
            if self._n_pars > 0:
                raise ValueError(f"pars: the function has {self._n_pars} parameters, but none were given")
            return None
        pars = checked_array(pars, self._dtype, "pars")
        if pars.shape != shape:
            raise ValueError(f"pars: an array of shape {shape} was expected, not {pars.shape}")
        return pars

    def _times(self, time, inputs):
        if time is None:
            if self._has_time:
                raise ValueError("time: the function depends on time, but none was given")
            return None
        scalar = not hasattr(time, "__iter__") or (isinstance(time, np.ndarray) and time.ndim == 0)
        if inputs.ndim == 1:
            if not scalar:
                raise TypeError("time: one number was expected for one point, not an array")
            return np.array([float(time)], dtype=self._dtype)
        if scalar:
            raise TypeError("time: an array was expected for many points, not a number")
        time = checked_array(time, self._dtype, "time")
        if time.shape != inputs.shape[1:]:
            raise ValueError(f"time: an array of shape {inputs.shape[1:]} was expected, not {time.shape}")
        return time

    @property
    def fn(self):
        """The list of expressions."""
        return list(self._fn)

    @property
    def vars(self):
        """The list of variables, in the order of the inputs."""
        return list(self._vars)

    @property
    def nouts(self):
        """The number of expressions."""
        return len(self._fn)

    @property
    def nvars(self):
        """The number of variables."""
        return len(self._vars)

    @property
    def nparams(self):
        """The number of parameters: 1 + the highest index."""
        return self._n_pars

    @property
    def is_time_dependent(self):
        """Whether time occurs in the expressions."""
        return self._has_time

    @property
    def high_accuracy(self):
        """As given to the constructor; it has no effect here."""
        return self._flags[0]

    @property
    def compact_mode(self):
        """As given to the constructor; it has no effect here."""
        return self._flags[1]

    @property
    def parallel_mode(self):
        """As given to the constructor; it has no effect here."""
        return self._flags[2]

    @property
    def execution(self):
        """Who evaluates many points: "vm" or "jit"."""
        return self._core.execution

    def dump(self):
        """The program and its loops, as text for people."""
        return self._core.dump()

    def __copy__(self):
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo):
        return self.__copy__()  # the compiled function never changes

    def __getstate__(self):
        state = dict(self.__dict__)
        del state["_core"], state["_n_pars"], state["_has_time"]
        state["_fn"], state["_vars"] = len(self._fn), _core.save(self._fn + self._vars)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        expressions = _core.load(self._vars)
        self._fn, self._vars = expressions[: state["_fn"]], expressions[state["_fn"] :]
        self._compile()

    def __repr__(self):
        lines = [f"Data type: {self._dtype}", f"Variables: [{', '.join(map(str, self._vars))}]"]
        lines += [f"Output #{i}: {_short(str(e))}" for i, e in enumerate(self._fn[:10])]
        if len(self._fn) > 10:
            lines.append("...")
        return "\n".join(lines) + "\n"


def _short(text):
    return text if len(text) <= 1000 else text[:1000] + "..."


class cfunc_dbl(_cfunc):
    """A compiled function in double precision; see cfunc()."""

    _dtype = np.dtype(np.float64)


class cfunc_flt(_cfunc):
    """A compiled function in single precision; see cfunc()."""

    _dtype = np.dtype(np.float32)


def cfunc(fn, vars, fp_type=float, **kwargs):
    """Compiles a sequence of expressions fn as a function of the variables vars, which must hold all variables in fn.

    The result is called as ``f(inputs, outputs=None, pars=None, time=None)``, with inputs of shape (nvars,) for one
    point or (nvars, N) for N points. fp_type: float (numpy.float64) or numpy.float32.

    execution (None): "vm", an interpreter that is there at once, or "jit", machine code that LLVM makes; None leaves it to
    the library, or to the environment variable TAYRA_EXEC. Where machine code cannot be made the interpreter runs, with a
    RuntimeWarning.

    The other keyword arguments that heyoka.py knows (high_accuracy, compact_mode, parallel_mode, batch_size, prec,
    opt_level, force_avx512, slp_vectorize, fast_math, code_model, parjit) select its way to generate code. They are
    accepted and have no effect here.

    Raises ValueError if fn is empty, a variable is missing or repeated, or vars holds something else; TypeError for
    other types; NotImplementedError for other floating-point types.
    """
    return {"float64": cfunc_dbl, "float32": cfunc_flt}[check_fp_type(fp_type, ("float64", "float32"))](
        fn, vars, **kwargs
    )
