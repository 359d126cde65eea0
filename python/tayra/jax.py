"""tayra in jax: flows as functions that jax differentiates, compiles and maps over axes.

    f = tayra.flow(system, tol=1e-8)
    loss = lambda pars: jnp.mean((tayra.jax.odeint(f, x0, ts, pars) - observed) ** 2)
    gradient = jax.jit(jax.grad(loss))

jax is needed for this module alone; ``import tayra`` does not import it.

Flows, their tangents and their cotangents are primitives of jax rather than a custom_vjp: a primitive is told what vmap maps
over. So parameters that all trajectories share stay shared in a gradient, where a custom_vjp would sum copies of its own, and
there is forward mode, too.
"""

import functools

import numpy as np

from tayra._flow import NAMES, arrange
from tayra._mapped import Mapped

try:
    import jax
    import jax.numpy as jnp
    from jax.extend.core import Primitive
    from jax.interpreters import ad, batching, mlir
except ImportError as error:
    raise ImportError("tayra.jax needs jax: pip install 'tayra[jax]'") from error

__all__ = ["odeint"]


def odeint(f, x0, ts, pars=()):
    """The states at the times ts of a flow, as a function of initial states, times and parameters that jax differentiates.

    f: a tayra.flow. x0: an array of shape (n,), or (M, n) for M trajectories at once. ts: (T,) or (M, T), increasing or
    decreasing, the first time being the initial one. pars: (P,) or (M, P). Returns an array (T, n) or (T, M, n).

    Works under jit, vmap, grad, jvp, scan and whatever is made of them. What vmap maps over becomes trajectories: one call of
    the flow for all. Derivatives of second order are refused.

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
    arrange(f.dim, f.n_pars, *(a.shape for a in arrays))
    return _states.bind(*arrays, f=f)[0]


def _array(name, x):
    """An array of jax, of one or two dimensions and of a type with which the flow can begin."""
    double = not isinstance(x, jax.Array) and getattr(x, "dtype", None) == np.float64
    if double and jax.dtypes.canonicalize_dtype(np.float64) != np.float64:
        raise TypeError(
            f"odeint(): {name}: expected float32, as jax_enable_x64 is off, got float64: "
            'call jax.config.update("jax_enable_x64", True) first, or convert it'
        )
    a = x if isinstance(x, jax.Array) else jnp.asarray(x)
    if a.ndim == 0:  # jnp.atleast_1d is compiled, and every gradient would leave an entry in its cache
        a = a.reshape(1)
    if np.issubdtype(a.dtype, np.integer):
        a = a.astype(float)
    if a.dtype not in (np.float64, np.float32):
        raise TypeError(f"odeint(): {name}: expected float64 or float32, got {a.dtype}")
    return a


# ---- primitives: functions of arrays that run outside of jax


def _primitive(name, work, results):
    """work(*arrays of numpy, **parameters) as a primitive of jax. results: what it returns, from what jax knows of arrays."""

    def run(*arrays, **parameters):
        values = work(*(np.asarray(a) for a in arrays), **parameters)
        return [np.asarray(v, dtype=r.dtype) for v, r in zip(values, results(*arrays, **parameters))]

    def compiled(*arrays, **parameters):
        return jax.pure_callback(functools.partial(run, **parameters), results(*arrays, **parameters), *arrays)

    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(lambda *arrays, **parameters: [jnp.asarray(a) for a in run(*arrays, **parameters)])
    primitive.def_abstract_eval(results)
    mlir.register_lowering(primitive, mlir.lower_fun(compiled, multiple_results=True), cacheable=False)
    return primitive


def _states_results(x0, ts, pars, *dots, f, wanted=()):
    return [jax.core.ShapedArray(arrange(f.dim, f.n_pars, x0.shape, ts.shape, pars.shape)[2], x0.dtype)]


def _pull_results(*arrays, f, wanted):
    return [jax.core.ShapedArray(arrays[i].shape, arrays[i].dtype) for i in wanted]


def _run_push(x0, ts, pars, *dots, f, wanted):
    tangents = dict(zip(wanted, dots))
    return [f.jvp(x0, ts, pars, [tangents.get(i) for i in range(3)])[1]]


def _run_pull(x0, ts, pars, ybar, f, wanted):
    """The flow once more: jax may call the two halves of a gradient any number of times, or one of them only."""
    bars = f.vjp(x0, ts, pars)[1](ybar, wrt=[NAMES[i] for i in wanted])
    return [bars[i] for i in wanted]


# The arguments 0, 1, 2 are x0, ts and pars. wanted: which of them have tangents, or shall have cotangents.
_states = _primitive("tayra_states", lambda *arrays, f: [f(*arrays)], _states_results)
_push = _primitive("tayra_push", _run_push, _states_results)
_pull = _primitive("tayra_pull", _run_pull, _pull_results)


# ---- derivatives


def _states_jvp(arrays, dots, f):
    wanted = tuple(i for i, dot in enumerate(dots) if type(dot) is not ad.Zero)
    return _states.bind(*arrays, f=f), _push.bind(*arrays, *(dots[i] for i in wanted), f=f, wanted=wanted)


def _push_transpose(ybar, *args, f, wanted):
    arrays, unknown = args[:3], [ad.is_undefined_primal(dot) for dot in args[3:]]
    asked = tuple(i for i, u in zip(wanted, unknown) if u)
    bars = iter(_pull.bind(*arrays, ad.instantiate_zeros(ybar[0]), f=f, wanted=asked))
    return [None] * 3 + [next(bars) if u else None for u in unknown]


def _refuse(arrays, dots, **parameters):
    raise TypeError("odeint(): a derivative of a derivative was asked for, but there are those of first order only")


ad.primitive_jvps[_states] = _states_jvp
ad.primitive_jvps[_push] = ad.primitive_jvps[_pull] = _refuse
ad.primitive_transposes[_push] = _push_transpose


# ---- maps over axes: size trajectories, or size times M, become those of one call


def _map_states(args, axes, f):
    mapped = Mapped(jnp, args, axes)
    (ys,) = _states.bind(*(mapped.argument(i, share=True) for i in range(3)), f=f)
    return [mapped.states(ys)], [1]


def _map_push(args, axes, f, wanted):
    mapped = Mapped(jnp, args, axes)
    return [mapped.states(_push.bind(*mapped.primals_and_tangents(wanted), f=f, wanted=wanted)[0])], [1]


def _map_pull(args, axes, f, wanted):
    mapped = Mapped(jnp, args, axes)
    bars = _pull.bind(*mapped.primals_and_cotangent(wanted), f=f, wanted=wanted)
    return mapped.cotangents(wanted, bars), [0] * len(wanted)


batching.primitive_batchers[_states] = _map_states
batching.primitive_batchers[_push] = _map_push
batching.primitive_batchers[_pull] = _map_pull
