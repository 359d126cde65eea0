"""tayra in torch: flows as differentiable functions of tensors, modules of torch as expressions.

    net = tayra.torch.from_module(module, [x, v])
    f = tayra.flow(list(zip([x, v], net.expressions)), tol=1e-8)
    states = tayra.torch.odeint(f, x0, ts, net)

torch is needed for this module alone; ``import tayra`` does not import it.
"""

from collections.abc import Iterator

import torch
from torch._utils import _flatten_dense_tensors  # several times faster than cat
from torch.autograd import forward_ad

from tayra._flow import NAMES
from tayra._mapped import Mapped
from tayra._torch_module import Translation, from_module, tensors_of

__all__ = ["Translation", "from_module", "odeint"]

_DTYPES = (torch.float64, torch.float32)
_NONE = torch.empty(0, dtype=torch.float64)


def odeint(f, x0, ts, pars=()):
    """The states at the times ts of a flow, as a differentiable function of initial states, times and parameters.

    f: a tayra.flow. x0: a tensor of shape (n,), or (M, n) for M trajectories at once. ts: (T,) or (M, T), increasing or
    decreasing, the first time being the initial one. pars: a tensor (P,) or (M, P); or a torch.nn.Module, what from_module()
    has returned, a tensor, or a sequence of such, whose parameters are taken one after the other as par[0], par[1], ...
    Returns a tensor (T, n) or (T, M, n).

    Parameters that the flow does not have, at the end of modules and sequences, have zeros as gradients.

    Tensors are of type float64 or float32, on the CPU. All is computed in double precision; the states have the type of x0 and
    gradients that of their tensor. Tensors of doubles are not copied. Gradients go to tensors that require them; derivatives
    of second order are refused. Without need of gradients nothing is recorded. Forward mode and what torch.func makes of
    functions (vmap, jvp, grad, jacrev, ...) work; what vmap maps over becomes trajectories: one call of the flow for all.

    Raises TypeError for other types and devices, ValueError for shapes and times that do not fit, and in ``backward()`` for a
    trajectory that became infinite and whose gradient is asked for.
    """
    if torch.compiler.is_compiling():
        return torch.compiler.disable(_odeint)(f, x0, ts, pars)
    return _odeint(f, x0, ts, pars)


def _odeint(f, x0, ts, pars):
    single = isinstance(pars, torch.Tensor)
    tensors = [pars] if single else _flatten(pars)
    _check("x0", x0)
    _check("ts", ts)
    for tensor in tensors:
        _check("pars", tensor)
    if not hasattr(f, "vjp"):
        raise TypeError(f"odeint(): f: a tayra.flow was expected, not {type(f).__name__!r}")
    if not single:
        pars = _flatten_dense_tensors(tensors) if tensors else _NONE
        pars = pars if len(pars) <= f.n_pars else pars[: f.n_pars]
    taped = torch.is_grad_enabled() and (x0.requires_grad or ts.requires_grad or pars.requires_grad)
    if taped and ts.requires_grad and ts.ndim and ts.shape[-1] == 1:
        raise ValueError("odeint(): ts: for a gradient at least two times were expected, but there is one")
    return _States.apply(_Call(f, taped), x0, ts, pars)


def _flatten(pars):
    """The list of tensors in a sequence of tensors, modules and translations, or in one of the latter."""
    if isinstance(pars, torch.nn.Module):
        return tensors_of(pars)
    if isinstance(pars, Translation):
        return pars.tensors()
    if not isinstance(pars, (list, tuple, Iterator)):
        raise TypeError(
            f"odeint(): pars: tensors, modules or what from_module() returned were expected, not {type(pars).__name__!r}"
        )
    tensors = []
    for item in pars:
        tensors += [item] if isinstance(item, torch.Tensor) else _flatten(item)
    return tensors


def _check(name, tensor):
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"odeint(): {name}: a tensor was expected, not {type(tensor).__name__!r}")
    if not tensor.is_cpu or tensor.dtype not in _DTYPES:
        raise TypeError(
            f"odeint(): {name}: expected torch.float64 or torch.float32 on the cpu, got {tensor.dtype} on {tensor.device}"
        )


def _array(tensor):
    """A tensor as an array of doubles, which shares its memory if it is one."""
    if torch._C._functorch.is_legacy_batchedtensor(tensor):
        raise RuntimeError("odeint(): is_grads_batched and vectorize=True of torch.autograd are not supported: "
                           "torch.func.jacrev and jacfwd are")
    if torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY):  # its numbers would be constants of the trace
        raise RuntimeError("odeint(): flows cannot be traced (by make_fx, torch.func.linearize, torch.export)")
    tensor = tensor.detach().resolve_neg()
    return (tensor if tensor.dtype is torch.float64 else tensor.double()).numpy()


def _tensor(array, dtype):
    tensor = torch.from_numpy(array)
    return tensor if dtype is torch.float64 else tensor.to(dtype)


class _Call:
    """A call of odeint: the flow, and the pullback of its run until this is used, if it shall be recorded."""

    def __init__(self, f, taped):
        self.f, self.taped, self.pullback = f, taped, None


# ---- functions of tensors for torch: the states, their tangents, cotangents of the arguments. The arguments 0, 1, 2 are x0,
# ts and pars. wanted: which of them have tangents, or shall have cotangents.


class _Function(torch.autograd.Function):
    @classmethod
    def apply(cls, *args):
        """That of torch looks at the signature of forward() in each call, which takes longer than a small flow."""
        if torch._C._are_functorch_transforms_active():
            return super().apply(*args)
        if not torch.is_grad_enabled() and forward_ad._current_level < 0:
            return cls.forward(*args)
        return super(torch.autograd.Function, cls).apply(*args)


class _States(_Function):
    """The flow. The tape of its run serves one sweep; another one (retain_graph=True) records again, from saved tensors."""

    @staticmethod
    def forward(call, x0, ts, pars):
        arrays = _array(x0), _array(ts), _array(pars)
        if call.taped:
            states, call.pullback = call.f.vjp(*arrays)
        else:
            states = call.f(*arrays)
        return _tensor(states, x0.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.call, *arguments = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*arguments)  # also, torch refuses a second sweep through what was freed
        ctx.save_for_forward(*arguments)

    @staticmethod
    def backward(ctx, states_bar):
        arguments, needed = ctx.saved_tensors, ctx.needs_input_grad[1:]
        wanted = tuple(i for i in range(3) if needed[i])
        if states_bar is None or not wanted:
            return None, None, None, None
        bars = dict(zip(wanted, _Pull.apply(ctx.call, wanted, *arguments, states_bar)))
        return None, *(bars.get(i) for i in range(3))

    @staticmethod
    def jvp(ctx, _, *dots):
        wanted = tuple(i for i in range(3) if dots[i] is not None)
        return _Push.apply(ctx.call.f, wanted, *ctx.saved_tensors, *(dots[i] for i in wanted))

    @staticmethod
    def vmap(info, axes, call, *arguments):
        mapped = Mapped(torch, arguments, axes[1:])
        states = _States.apply(_Call(call.f, call.taped), *(mapped.argument(i, share=True) for i in range(3)))
        return mapped.states(states), 1


class _FirstOrder(_Function):
    """What cannot be differentiated again."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError("odeint(): derivatives of second order were asked for, but there are only those of first order")

    jvp = backward


class _Push(_FirstOrder):
    @staticmethod
    def forward(f, wanted, x0, ts, pars, *dots):
        tangents = dict(zip(wanted, map(_array, dots)))
        dots = f.jvp(_array(x0), _array(ts), _array(pars), [tangents.get(i) for i in range(3)])[1]
        return _tensor(dots, x0.dtype)

    @staticmethod
    def vmap(info, axes, f, wanted, *tensors):
        mapped = Mapped(torch, tensors, axes[2:])
        return mapped.states(_Push.apply(f, wanted, *mapped.primals_and_tangents(wanted))), 1


class _Pull(_FirstOrder):
    @staticmethod
    def forward(call, wanted, x0, ts, pars, states_bar):
        pullback, call.pullback = call.pullback, None
        if pullback is None:
            pullback = call.f.vjp(_array(x0), _array(ts), _array(pars))[1]
        bars = pullback(_array(states_bar), wrt=[NAMES[i] for i in wanted])
        return tuple(_tensor(bars[i], (x0, ts, pars)[i].dtype) for i in wanted)

    @staticmethod
    def vmap(info, axes, call, wanted, *tensors):
        mapped = Mapped(torch, tensors, axes[2:])
        bars = _Pull.apply(_Call(call.f, False), wanted, *mapped.primals_and_cotangent(wanted))
        return tuple(mapped.cotangents(wanted, bars)), (0,) * len(wanted)
