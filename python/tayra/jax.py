"""tayra in jax: flows as functions that jax differentiates in reverse mode, compiles and maps over axes.

    f = tayra.flow(system, tol=1e-8)
    loss = lambda pars: jnp.mean((tayra.jax.odeint(f, x0, ts, pars) - observed) ** 2)
    gradient = jax.jit(jax.grad(loss))

jax is needed for this module alone; ``import tayra`` does not import it.
"""

import dataclasses
import functools
import math

import numpy as np

from tayra._flow import arrange

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise ImportError("tayra.jax needs jax: pip install 'tayra[jax]'") from error

__all__ = ["odeint"]


def odeint(f, x0, ts, pars=()):
    """The states at the times ts of a flow, as a function of initial states, times and parameters that jax differentiates.

    f: a tayra.flow. x0: an array of shape (n,), or (M, n) for M trajectories at once. ts: (T,) or (M, T), increasing or
    decreasing, the first time being the initial one. pars: (P,) or (M, P). Returns an array (T, n) or (T, M, n).

    Works under jit, vmap, grad, vjp, jacrev, scan and whatever is made of them. What vmap maps over becomes trajectories: one
    call of the flow for all. Forward mode and derivatives of second order are refused.

    Arrays are of type float64 or float32 (numbers and integers are taken as jax's default of the two). All is computed in
    double precision; the states have the type of x0 and gradients that of their array. Arrays of numpy of type float64 are
    refused while jax_enable_x64 is off.

    Raises TypeError for other types and ValueError for shapes that do not fit, also while jit traces. What depends on
    numbers (times that are not monotonic, cotangents of a trajectory that became infinite) is an error when the function
    runs: compiled code raises jax.errors.JaxRuntimeError, which has the flow's message in it.
    """
    if not hasattr(f, "vjp"):
        raise TypeError(f"odeint(): f: a tayra.flow was expected, not {type(f).__name__!r}")
    arrays = [_array(name, a) for name, a in (("x0", x0), ("ts", ts), ("pars", pars))]
    arrange(f, *(a.shape for a in arrays))
    return _odeint(f, *arrays)


def _array(name, x):
    """An array of jax, of one or two dimensions and of a type with which the flow can begin."""
    if not jax.config.jax_enable_x64 and not isinstance(x, jax.Array) and getattr(x, "dtype", None) == np.float64:
        raise TypeError(
            f"odeint(): {name}: expected float32, as jax_enable_x64 is off, got float64: "
            'call jax.config.update("jax_enable_x64", True) first, or convert it'
        )
    a = jnp.atleast_1d(x if isinstance(x, jax.Array) else jnp.asarray(x))
    if jnp.issubdtype(a.dtype, jnp.integer):
        a = a.astype(float)
    if a.dtype not in (jnp.float64, jnp.float32):
        raise TypeError(f"odeint(): {name}: expected float64 or float32, got {a.dtype}")
    return a


# ---- what jax sees


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _odeint(f, x0, ts, pars):
    shape = arrange(f, x0.shape, ts.shape, pars.shape)[2]
    return _call(_states, f, (x0, ts, pars), jax.ShapeDtypeStruct(shape, x0.dtype))


def _odeint_forward(f, x0, ts, pars):
    return _odeint(f, x0, ts, pars), (x0, ts, pars)


def _odeint_backward(f, saved, states_bar):
    return _pull(f, *saved, states_bar)


_odeint.defvjp(_odeint_forward, _odeint_backward)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _pull(f, x0, ts, pars, states_bar):
    results = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x0, ts, pars))
    return _call(_cotangents, f, (x0, ts, pars, states_bar), results)


@_pull.defjvp
def _refuse(f, primals, tangents):
    raise TypeError("odeint(): derivatives of second order were asked for, but there are those of first order only")


def _call(work, f, arrays, results):
    """work with arrays of numpy: at once where numbers are known (errors are then what they are), else when jax runs."""
    host = _Host(work, f, tuple(a.ndim for a in arrays))
    if any(isinstance(a, jax.core.Tracer) for a in arrays):
        return jax.pure_callback(host, results, *arrays, vmap_method="expand_dims")
    return jax.tree.map(jnp.asarray, host(*arrays))


# ---- what runs outside of jax: arrays may have further axes in front, one for each vmap, of length 1 if it does not map them


@dataclasses.dataclass(frozen=True)
class _Host:
    """A callback. Equal ones are the same to jax, which then does not compile again."""

    work: object
    f: object
    ndims: tuple  # of the arrays, without the axes in front

    def __call__(self, *arrays):
        axes = _Axes(self.ndims, [a.shape for a in arrays])
        return self.work(self.f, axes, *(np.asarray(a) for a in arrays))


def _states(f, axes, *arrays):
    args = [axes.merge(i, a, share=True) for i, a in enumerate(arrays)]
    return axes.split_states(f(*args)).astype(arrays[0].dtype, copy=False)


def _cotangents(f, axes, *arrays):
    """The flow once more, as jax may call a gradient's two halves any number of times, or one of them only."""
    *args, states_bar = arrays
    _, pullback = f.vjp(*(axes.merge(i, a, share=False) for i, a in enumerate(args)))
    bars = pullback(axes.merge_states(states_bar))
    return tuple(axes.split(i, bar).astype(a.dtype, copy=False) for i, (a, bar) in enumerate(zip(args, bars)))


class _Axes:
    """The axes in front of arrays. Together with M, where there is one, they become the trajectories of one call."""

    def __init__(self, ndims, shapes):
        self.ndims = ndims
        self.own = [shape[len(shape) - n :] for shape, n in zip(shapes, ndims)]
        self.front = np.broadcast_shapes(*(shape[: len(shape) - n] for shape, n in zip(shapes, ndims)))
        self.many = math.prod(self.front) != 1
        m = [own[:1] for own in self.own[:3] if len(own) == 2]
        self.batch = self.front + (m[0] if m else ())

    def merge(self, i, a, share):
        """x0, ts or pars for the flow. One array for all trajectories is repeated, unless it can be shared."""
        front, own = a.shape[: a.ndim - self.ndims[i]], self.own[i]
        if not self.many or (share and len(own) == 1 and math.prod(front) == 1):
            return a.reshape(own)
        if len(own) == 1:
            a = a.reshape(front + (1,) * (len(self.batch) - len(front)) + own)
        return np.broadcast_to(a, self.batch + own[-1:]).reshape(math.prod(self.batch), own[-1])

    def split(self, i, bar):
        """The cotangent of what merge(share=False) has made, with axes in front, summed over M where the array has none."""
        if not self.many:
            return bar.reshape(self.front + bar.shape)
        bar = bar.reshape(self.batch + bar.shape[-1:])
        return bar.sum(axis=-2) if len(self.batch) > len(self.front) and len(self.own[i]) == 1 else bar

    def merge_states(self, a):
        """(front, T, n) or (front, T, M, n) as (T, trajectories, n)."""
        own = self.own[3]
        if not self.many:
            return a.reshape(own)
        a = np.moveaxis(np.broadcast_to(a, self.front + own), len(self.front), 0)
        return a.reshape(own[0], math.prod(self.batch), own[-1])

    def split_states(self, states):
        if not self.many:
            return states.reshape(self.front + states.shape)
        states = states.reshape(states.shape[:1] + self.batch + states.shape[-1:])
        return np.ascontiguousarray(np.moveaxis(states, 0, len(self.front)))
