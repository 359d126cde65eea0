"""tayra in torch: flows as differentiable functions of tensors, modules of torch as expressions.

    net = tayra.torch.from_module(module, [x, v])
    f = tayra.flow(list(zip([x, v], net.expressions)), tol=1e-8)
    states = tayra.torch.odeint(f, x0, ts, net)

torch is needed for this module alone; ``import tayra`` does not import it.
"""

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from tayra._torch_module import Translation, from_module

__all__ = ["Translation", "from_module", "odeint"]


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
    states = f(_array(x0), _array(ts), _pars(single, tensors))
    return _tensor(states, x0)


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
    if tensor.dtype not in (torch.float64, torch.float32) or tensor.device.type != "cpu":
        raise TypeError(
            f"odeint(): {name}: expected torch.float64 or torch.float32 on the cpu, got {tensor.dtype} on {tensor.device}"
        )


def _array(tensor):
    """A tensor as an array of doubles, which shares its memory if it is one."""
    return tensor.detach().double().numpy()


def _pars(single, tensors):
    """The parameters in one array."""
    if single:
        return _array(tensors[0])
    return np.concatenate([t.detach().numpy().ravel() for t in tensors], dtype=np.float64) if tensors else np.empty(0)


def _tensor(array, like):
    return torch.from_numpy(array).to(like.dtype)


class _Odeint(torch.autograd.Function):
    """The flow with its reverse sweep. The record of the forward pass serves one sweep; with retain_graph=True another one
    records again, from the saved tensors."""

    @staticmethod
    def forward(ctx, f, single, x0, ts, *pars):
        ctx.save_for_backward(x0, ts, *pars)
        ctx.f, ctx.single = f, single
        states, ctx.pullback = f.vjp(_array(x0), _array(ts), _pars(single, pars))
        return _tensor(states, x0)

    @staticmethod
    @once_differentiable
    def backward(ctx, states_bar):
        x0, ts, *pars = ctx.saved_tensors
        pullback, ctx.pullback = ctx.pullback, None
        if pullback is None:
            _, pullback = ctx.f.vjp(_array(x0), _array(ts), _pars(ctx.single, pars))
        x0_bar, ts_bar, pars_bar = pullback(_array(states_bar))
        needed = ctx.needs_input_grad[2:]
        return (
            None,
            None,
            _tensor(x0_bar, x0) if needed[0] else None,
            _tensor(ts_bar, ts) if needed[1] else None,
            *_pars_gradients(ctx.single, pars_bar, pars, needed[2:]),
        )


def _pars_gradients(single, pars_bar, pars, needed):
    if not any(needed):
        return [None] * len(pars)
    if single:
        return [_tensor(pars_bar, pars[0])]
    parts = torch.from_numpy(pars_bar).split([p.numel() for p in pars])
    return [part.view(p.shape).to(p.dtype) if n else None for part, p, n in zip(parts, pars, needed)]
