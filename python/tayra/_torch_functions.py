"""What functions of torch mean for expressions: the table that tayra.torch.from_module translates by.

A tensor is a numpy array of expressions here, or of numbers if it is constant, and has the shape that torch's has: numpy
broadcasts and indexes as torch does, and slices share memory, so that functions in place mean the same.

Most activations are written with relu(x) and min(x, 0) = x - relu(x). On each side of a kink that is the same analytic function
as torch's, its series is exact, and no branch that is not taken overflows (0 times infinity would be a gradient that is
not a number).
"""

import functools
import math
import operator

import numpy as np
import torch
import torch.nn.functional

import tayra
from tayra import _core, expression


class Untranslatable(ValueError):
    """There is no expression for this."""


# ---- arrays of expressions


def tensor(x):
    """An array of expressions, of numbers or of nested sequences of either."""
    return x if isinstance(x, np.ndarray) else np.asarray(x, dtype=None if isinstance(x, (int, float)) else object)


def objects(items, shape):
    """A new array of expressions from a list of them."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


def _map(f, *arrays):
    """f of the elements of arrays of one shape after broadcasting; numbers become expressions."""
    arrays = np.broadcast_arrays(*map(tensor, arrays))
    rows = ([_as_expression(e) for e in a.ravel().tolist()] for a in arrays)
    return objects([f(*e) for e in zip(*rows)], arrays[0].shape)


def _inner(x, rows):
    """The sums of products of the list x with each row of a matrix: what a layer of a network is made of."""
    if rows.shape[1] != len(x):
        raise ValueError(f"a matrix of {rows.shape[1]} columns meets {len(x)} features")
    return _layer(x, rows, [0.0] * len(rows))


def _layer(x, rows, bias):
    weights = (*rows.ravel().tolist(), *bias)
    return _core.ffnn([_as_expression(e) for e in x], (), len(rows), (_identity,), weights)


def _identity(x):
    return x


def _as_expression(x):
    return x if isinstance(x, expression) else expression(x)


# ---- linear algebra


def linear(x, weight, bias=None):
    if x.ndim == 0 or x.shape[-1] != weight.shape[-1]:
        raise ValueError(f"expected {weight.shape[-1]} features, got {x.shape[-1] if x.ndim else 'a number'}")
    rows = weight.reshape(-1, weight.shape[-1])
    bias = [0.0] * len(rows) if bias is None else bias.ravel().tolist()
    values = [_layer(point.tolist(), rows, bias) for point in x.reshape(-1, x.shape[-1])]
    return objects([e for value in values for e in value], x.shape[:-1] + weight.shape[:-1])


def matmul(a, b):
    a, b = tensor(a), tensor(b)
    if not (1 <= a.ndim <= 2 and 1 <= b.ndim <= 2):
        raise ValueError(f"products of vectors and matrices only, not of shapes {a.shape} and {b.shape}")
    if b.ndim == 1:
        return objects(_inner(b.tolist(), a.reshape(-1, a.shape[-1])), a.shape[:-1])
    points = a.reshape(-1, a.shape[-1])
    return objects([e for p in points for e in _inner(p.tolist(), b.T)], (*a.shape[:-1], b.shape[1]))


# ---- activations: functions of one expression


def softplus(x, beta=1, threshold=20):
    """log(1 + exp(beta x)) / beta. torch takes x beyond the threshold: a jump of 2e-9 / beta at its usual value, 20, which an
    integrator should not meet."""
    u = beta * x
    positive = tayra.relu(u)
    smooth = (positive + tayra.log1p(tayra.exp(u - 2 * positive))) / beta
    return smooth if threshold >= 20 else tayra.select(tayra.gt(u, threshold), x, smooth)


def elu(x, alpha=1.0, scale=1.0, input_scale=1.0):
    positive = tayra.relu(x)
    return scale * (positive + alpha * tayra.expm1(input_scale * (x - positive)))


def celu(x, alpha=1.0):
    return elu(x, alpha, 1.0, 1.0 / alpha)


def selu(x):
    return elu(x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


def gelu(x, approximate="none"):
    if approximate == "none":
        return 0.5 * x * (1 + tayra.erf(x * math.sqrt(0.5)))
    return 0.5 * x * (1 + tayra.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def absolute(x):
    return 2 * tayra.relu(x) - x


def clamp(x, min=None, max=None):
    """min(max(x, min), max): max if the limits are the wrong way round, as in torch."""
    x = x if min is None else tayra.select(tayra.lt(x, min), min, x)
    return x if max is None else tayra.select(tayra.gt(x, max), max, x)


def leaky_relu(x, negative_slope=0.01):
    if negative_slope >= 0:
        return tayra.relu(x, negative_slope)
    return tayra.relu(x) + negative_slope * (x - tayra.relu(x))


def hardshrink(x, lambd=0.5):
    return tayra.select(tayra.logical_or([tayra.gt(x, lambd), tayra.lt(x, -lambd)]), x, 0.0)


def softshrink(x, lambd=0.5):
    return tayra.select(tayra.gt(x, lambd), x - lambd, tayra.select(tayra.lt(x, -lambd), x + lambd, 0.0))


def hardsigmoid(x):
    return clamp(x + 3, 0.0, 6.0) / 6


ACTIVATIONS = {
    "relu": lambda x: tayra.relu(x),
    "relu6": lambda x: clamp(tayra.relu(x), max=6.0),
    "leaky_relu": leaky_relu,
    "silu": lambda x: x * tayra.sigmoid(x),
    "mish": lambda x: x * tayra.tanh(softplus(x)),
    "logsigmoid": lambda x: -softplus(-x),
    "softsign": lambda x: x / (1 + absolute(x)),
    "tanhshrink": lambda x: x - tayra.tanh(x),
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0: clamp(x, min_val, max_val),
    "hardswish": lambda x: x * hardsigmoid(x),
    "threshold": lambda x, threshold, value: tayra.select(tayra.gt(x, threshold), x, value),
    "softplus": softplus,
    "elu": elu,
    "celu": celu,
    "selu": selu,
    "gelu": gelu,
    "hardshrink": hardshrink,
    "softshrink": softshrink,
    "hardsigmoid": hardsigmoid,
    "clamp": clamp,
    "clip": clamp,
    "clamp_min": lambda x, min: clamp(x, min),
    "clamp_max": lambda x, max: clamp(x, max=max),
    "abs": absolute,
    "absolute": absolute,
    "square": lambda x: x * x,
    "rsqrt": lambda x: 1 / tayra.sqrt(x),
    "reciprocal": lambda x: 1 / x,
}
for _name in ("exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc sigmoid sqrt").split():
    ACTIVATIONS[_name] = getattr(tayra, _name)
    if _name[0] == "a":
        ACTIVATIONS["arc" + _name[1:]] = getattr(tayra, _name)


def _elementwise(f):
    """f of each element; other arguments that are tensors (the limits of clamp) go along."""

    @functools.wraps(f)
    def apply(x, *args, inplace=False, **kwargs):
        given = [tensor(x), *args, *kwargs.values()]
        mapped = [i for i, a in enumerate(given) if isinstance(a, np.ndarray)]

        def of_elements(*elements):
            values = list(given)
            for i, element in zip(mapped, elements):
                values[i] = element
            return f(*values[: 1 + len(args)], **dict(zip(kwargs, values[1 + len(args) :])))

        result = _map(of_elements, *(given[i] for i in mapped))
        if not inplace:
            return result
        x[...] = result
        return x

    return apply


# ---- functions of whole tensors


def dropout(x, p=0.5, training=True, inplace=False):
    if training and p > 0:
        raise Untranslatable("dropout is translated in eval mode only: call module.eval() first")
    return x


def prelu(x, weight):
    if weight.size > 1:
        if x.ndim < 2:
            raise ValueError("a slope for each channel was expected for a batch")
        weight = weight.reshape(-1, *[1] * (x.ndim - 2))
    return _map(lambda e, a: tayra.relu(e) + a * (e - tayra.relu(e)), x, weight)


def softmax(x, dim=None, _stacklevel=3, dtype=None):
    """exp(x) / sum(exp(x)), where x is first made less than 1 by what does not change the quotient, the largest x."""
    if dim is None or dtype is not None:
        raise ValueError("softmax is translated with a dim and without a dtype")
    largest = functools.reduce(maximum, unbind(x, dim))
    e = _map(tayra.exp, x - np.expand_dims(largest, dim))
    return e / reduce_sum(e, dim, keepdim=True)


def maximum(a, b):
    return _map(lambda x, y: tayra.select(tayra.gt(x, y), x, y), a, b)


def minimum(a, b):
    return _map(lambda x, y: tayra.select(tayra.lt(x, y), x, y), a, b)


def where(condition, a, b):
    return _map(tayra.select, condition, a, b)


def _compare(name):
    of_numbers, of_expressions = getattr(operator, {"neq": "ne", "lte": "le", "gte": "ge"}.get(name, name)), getattr(tayra, name)

    def compare(a, b):
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            return _map(of_expressions, a, b)
        return of_numbers(a, b)  # of sizes

    return compare


def add(a, b, alpha=1):
    return a + b if alpha == 1 else a + alpha * b


def sub(a, b, alpha=1):
    return a - b if alpha == 1 else a - alpha * b


def div(a, b, rounding_mode=None):
    if rounding_mode is not None:
        raise Untranslatable("division with rounding has no translation")
    return a / b


def _reduce(f):
    def reduce(x, dim=None, keepdim=False, dtype=None):
        if dtype is not None:
            raise ValueError("a dtype was not expected")
        dims = range(x.ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
        axes = sorted({range(x.ndim)[d] for d in dims})
        shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
        rest = [i for i in range(x.ndim) if i not in axes]
        rows = x.transpose(*rest, *axes).reshape(math.prod(shape), -1)
        values = [f([_as_expression(e) for e in row]) for row in rows.tolist()]
        return objects(values, shape if keepdim else [x.shape[i] for i in rest])

    return reduce


reduce_sum = _reduce(tayra.sum)


# ---- parts and shapes


def split(x, split_size, dim=0):
    n = x.shape[dim]
    if isinstance(split_size, int):
        ends = range(split_size, n, split_size)
    else:
        if sum(split_size) != n:
            raise ValueError(f"parts of sizes {list(split_size)} were expected to have {n} together")
        ends = np.cumsum(split_size)[:-1]
    return tuple(np.split(x, ends, axis=dim))


def chunk(x, chunks, dim=0):
    return split(x, max(1, -(-x.shape[dim] // chunks)), dim)


def unbind(x, dim=0):
    return tuple(np.moveaxis(x, dim, 0)[i, ...] for i in range(x.shape[dim]))


def _sizes(args):
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


def expand(x, *sizes):
    sizes = _sizes(sizes)
    own = (1,) * (len(sizes) - x.ndim) + x.shape
    return np.broadcast_to(x, [n if size == -1 else size for size, n in zip(sizes, own)])


def flatten(x, start_dim=0, end_dim=-1):
    start, end = range(x.ndim)[start_dim], range(x.ndim)[end_dim]
    return x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :])


def squeeze(x, dim=None):
    return x.squeeze() if dim is None else x.squeeze(dim) if x.shape[dim] == 1 else x


def attribute(x, name):
    if isinstance(x, np.ndarray) and name in ("shape", "ndim", "T"):
        return getattr(x, name)
    raise Untranslatable(f"a tensor's attribute {name} has no translation")


def _same(x, *args, **kwargs):
    return x


def cast(x, *args, **kwargs):
    """To another floating-point type, which is the same here."""
    for a in (*args, *kwargs.values()):
        whole = not a.is_floating_point if isinstance(a, torch.dtype) else isinstance(a, np.ndarray) and a.dtype.kind in "iub"
        if whole:
            raise Untranslatable("a conversion to whole numbers has no translation")
    return x


TENSORS = {
    "linear": linear,
    "matmul": matmul,
    "mm": matmul,
    "mv": matmul,
    "dot": matmul,
    "dropout": dropout,
    "prelu": prelu,
    "softmax": softmax,
    "maximum": maximum,
    "minimum": minimum,
    "where": where,
    "add": add,
    "sub": sub,
    "subtract": sub,
    "mul": lambda a, b: a * b,
    "multiply": lambda a, b: a * b,
    "div": div,
    "divide": div,
    "true_divide": div,
    "truediv": div,
    "neg": lambda x: -x,
    "negative": lambda x: -x,
    "pos": _same,
    "pow": lambda a, b: a**b,
    "iadd": operator.iadd,
    "isub": operator.isub,
    "imul": operator.imul,
    "itruediv": operator.itruediv,
    "ipow": operator.ipow,
    "atan2": lambda a, b: _map(tayra.atan2, a, b),
    "gt": _compare("gt"),
    "lt": _compare("lt"),
    "ge": _compare("gte"),
    "le": _compare("lte"),
    "eq": _compare("eq"),
    "ne": _compare("neq"),
    "sum": reduce_sum,
    "mean": _reduce(lambda row: tayra.sum(row) / len(row)),
    "prod": _reduce(tayra.prod),
    "cat": lambda tensors, dim=0: np.concatenate(tensors, axis=dim),
    "concat": lambda tensors, dim=0: np.concatenate(tensors, axis=dim),
    "stack": lambda tensors, dim=0: np.stack(tensors, axis=dim),
    "split": split,
    "chunk": chunk,
    "unbind": unbind,
    "getitem": lambda x, index: x[index],
    "setitem": lambda x, index, value: x.__setitem__(index, value),
    "getattr": attribute,
    "size": lambda x, dim=None: x.shape if dim is None else x.shape[dim],
    "dim": lambda x: x.ndim,
    "reshape": lambda x, *sizes: x.reshape(_sizes(sizes)),
    "view": lambda x, *sizes: x.reshape(_sizes(sizes)),
    "expand": expand,
    "expand_as": lambda x, other: np.broadcast_to(x, other.shape),
    "flatten": flatten,
    "squeeze": squeeze,
    "unsqueeze": lambda x, dim: np.expand_dims(x, dim),
    "transpose": np.swapaxes,
    "t": lambda x: x.T,
    "zeros_like": lambda x: np.full(x.shape, 0.0, dtype=object),
    "ones_like": lambda x: np.full(x.shape, 1.0, dtype=object),
    "full_like": lambda x, value: np.full(x.shape, value, dtype=object),
    "clone": lambda x: x.copy(),
    "contiguous": _same,
    "to": cast,
    "float": _same,
    "double": _same,
    "type_as": cast,
}

METHODS = {**TENSORS, **{name: _elementwise(f) for name, f in ACTIVATIONS.items()}}


def _functions():
    """The same by the objects that torch calls by these names; some have several."""
    for name, f in METHODS.items():
        for module in (torch, torch.nn.functional, torch.special, operator):
            if hasattr(module, name):
                yield getattr(module, name), f
    yield getattr, attribute


FUNCTIONS = dict(_functions())
