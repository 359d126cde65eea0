"""tayra in torch: flows as differentiable functions of tensors, modules of torch as expressions.

    net = tayra.torch.from_module(module, [x, v])
    f = tayra.flow(list(zip([x, v], net.expressions)), tol=1e-8)
    states = tayra.torch.odeint(f, x0, ts, net)

torch is needed for this module alone; ``import tayra`` does not import it.
"""

import torch
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors  # several times faster than cat and split

from tayra._torch_module import Translation, from_module

__all__ = ["Translation", "from_module", "odeint"]

_DTYPES = (torch.float64, torch.float32)
_NONE = torch.empty(0, dtype=torch.float64)


def odeint(f, x0, ts, pars=()):
    """The states at the times ts of a flow, as a differentiable function of initial states, times and parameters.

    f: a tayra.flow. x0: a tensor of shape (n,), or (M, n) for M trajectories at once. ts: (T,) or (M, T), increasing or
    decreasing, the first time being the initial one. pars: a tensor (P,) or (M, P); or a torch.nn.Module, what from_module()
    has returned, a tensor, or a sequence of such, whose parameters are taken one after the other as par[0], par[1], ...
    Returns a tensor (T, n) or (T, M, n).

    Tensors are of type float64 or float32, on the CPU. All is computed in double precision; the states have the type of x0 and
    gradients that of their tensor. Tensors of doubles are not copied. Gradients go to tensors that require them; derivatives
    of second order are refused. Without need of gradients nothing is recorded.

    Raises TypeError for other types and devices, ValueError for shapes and times that do not fit, and in ``backward()`` for a
    trajectory that became infinite and whose gradient is asked for.
    """
    single = isinstance(pars, torch.Tensor)
    tensors = [pars] if single else _flatten(pars)
    _check("x0", x0)
    _check("ts", ts)
    for tensor in tensors:
        _check("pars", tensor)
    if not hasattr(f, "vjp"):
        raise TypeError(f"odeint(): f: a tayra.flow was expected, not {type(f).__name__!r}")
    if torch.is_grad_enabled() and (x0.requires_grad or ts.requires_grad or any(t.requires_grad for t in tensors)):
        if ts.requires_grad and ts.ndim and ts.shape[-1] == 1:
            raise ValueError("odeint(): ts: for a gradient at least two times were expected, but there is one")
        return _Odeint.apply(f, single, x0, ts, *tensors)
    with torch.no_grad():
        return _tensor(f(_array(x0), _array(ts), _array(_flat(single, tensors))), x0.dtype)


def _flatten(pars):
    """The list of tensors in a sequence of tensors, modules and translations, or in one of the latter."""
    if isinstance(pars, torch.nn.Module):
        return list(pars.parameters())
    if isinstance(pars, Translation):
        return pars.tensors()
    if not isinstance(pars, (list, tuple)):
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
    if tensor.requires_grad:
        tensor = tensor.detach()
    return (tensor if tensor.dtype is torch.float64 else tensor.double()).numpy()


def _flat(single, tensors):
    """The parameters as one tensor."""
    if single:
        return tensors[0]
    return _flatten_dense_tensors(tensors) if tensors else _NONE


def _tensor(array, dtype):
    tensor = torch.from_numpy(array)
    return tensor if dtype is torch.float64 else tensor.to(dtype)


class _Odeint(torch.autograd.Function):
    """The flow with its reverse sweep. The tape of the forward pass serves one sweep; with retain_graph=True another one
    records again, from the saved tensors."""

    @staticmethod
    def forward(ctx, f, single, x0, ts, *pars):
        ctx.save_for_backward(x0, ts, *pars)  # also, torch refuses a second sweep through what was freed
        ctx.f, ctx.single = f, single
        states, ctx.pullback = f.vjp(_array(x0), _array(ts), _array(_flat(single, pars)))
        return _tensor(states, x0.dtype)

    @staticmethod
    def backward(ctx, states_bar):
        if not torch.is_grad_enabled():
            return _sweep(ctx, states_bar)
        with torch.no_grad():  # create_graph=True
            gradients = _sweep(ctx, states_bar)
        return _Refuse.apply(len(gradients), *gradients, states_bar, *ctx.saved_tensors)


def _sweep(ctx, states_bar):
    x0, ts, *pars = ctx.saved_tensors
    pullback, ctx.pullback = ctx.pullback, None
    if pullback is None:
        pullback = ctx.f.vjp(_array(x0), _array(ts), _array(_flat(ctx.single, pars)))[1]
    _, _, x0_needed, ts_needed, *needed = ctx.needs_input_grad
    wrt = [name for name, n in (("x0", x0_needed), ("ts", ts_needed), ("pars", any(needed))) if n]
    x0_bar, ts_bar, pars_bar = pullback(_array(states_bar), wrt=wrt)
    return (
        None,
        None,
        _tensor(x0_bar, x0.dtype) if x0_needed else None,
        _tensor(ts_bar, ts.dtype) if ts_needed else None,
        *_pars_gradients(ctx.single, pars_bar, pars, needed),
    )


class _Refuse(torch.autograd.Function):
    """Gradients, of all that they depend on, that cannot be differentiated again."""

    @staticmethod
    def forward(ctx, n, *tensors):
        return tensors[:n]

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError("odeint(): derivatives of second order were asked for, but there are only those of first order")


def _pars_gradients(single, pars_bar, pars, needed):
    if not any(needed):
        return [None] * len(pars)
    if single:
        return [_tensor(pars_bar, pars[0].dtype)]
    parts = _unflatten_dense_tensors(torch.from_numpy(pars_bar), pars)
    parts = [part if p.dtype is torch.float64 else part.to(p.dtype) for part, p in zip(parts, pars)]
    return [part if n else None for part, n in zip(parts, needed)]
