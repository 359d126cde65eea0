"""Modules of torch as expressions: tayra.torch.from_module.

torch.fx runs the module's Python code once with stand-ins for tensors and writes down which functions it calls; that list is
run again here with arrays of expressions (see _torch_functions.py). Layers are not special: a Linear is traced down to the
function linear() and its parameters, so that hooks and classes of the user's own mean what they mean to torch. What a
parametrization makes of parameters (weight_norm, spectral_norm) torch makes, outside of the expressions, which see the result.
"""

import operator
from collections import namedtuple

import torch
import torch.fx
from torch.nn.utils import parametrize

import tayra
from tayra import _core, expression
from tayra._arguments import list_of_expressions
from tayra._torch_functions import FUNCTIONS, METHODS, Untranslatable, objects


def _named_tensors(module, prefix=""):
    """(name, module, key, source) of all that a module computes with and that may be trained, in the order of
    named_parameters(), under all of its names. The source is the parameter itself, or what makes a tensor of parameters."""
    for key, parameter in module._parameters.items():
        if parameter is not None:
            yield prefix + key, module, key, parameter
    made = module._modules.get("parametrizations")
    made = made if isinstance(made, torch.nn.ModuleDict) else {}
    for key, source in made.items():
        yield prefix + key, module, key, source
    for name, child in module._modules.items():
        if child is not None and child is not made:
            yield from _named_tensors(child, f"{prefix}{name}.")


def tensors_of(module):
    """The list of a module's parameters, each once, or of the tensors that parametrizations make of them."""
    each = {id(source): (owner, key, source) for _, owner, key, source in _named_tensors(module)}
    return [source if isinstance(source, torch.Tensor) else getattr(owner, key) for owner, key, source in each.values()]


class _Proxy(torch.fx.Proxy):
    """A stand-in for a tensor. That of torch writes x += y as x = x + y, which forgets other names of the same tensor, and
    does not know x[i] = y."""

    def __setitem__(self, index, value):
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


def _in_place(function):
    def method(self, other):
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return method


for _name in ("iadd", "isub", "imul", "itruediv", "ipow"):
    setattr(_Proxy, f"__{_name}__", _in_place(getattr(operator, _name)))


class _Tracer(torch.fx.Tracer):
    def is_leaf_module(self, m, module_qualified_name):
        return isinstance(m, parametrize.ParametrizationList)

    def proxy(self, node):
        return _Proxy(node, self)

    def call_module(self, m, forward, args, kwargs):
        try:
            return super().call_module(m, forward, args, kwargs)
        except Untranslatable:
            raise
        except Exception as error:
            where = _layer(self.path_of_module(m), type(m))
            raise _untraceable(where, error) from error


def _untraceable(where, error):
    return Untranslatable(f"from_module(): {where} cannot be traced: {str(error).split('. ')[0]}")


def _layer(path, kind):
    name = getattr(kind, "__name__", str(kind))
    return f"{path} ({name})" if path else name


def _layer_of(node, module):
    stack = node.meta.get("nn_module_stack")
    return _layer(*list(stack.values())[-1]) if stack else _layer("", type(module))


def _trace(module):
    """The graph of what the module does."""
    if module._forward_hooks or module._forward_pre_hooks:
        raise Untranslatable(f"from_module(): {type(module).__name__} has forward hooks: put it inside another module")
    if parametrize._cache_enabled:  # stand-ins for tensors would stay there
        raise RuntimeError("from_module(): expected to be called outside of torch.nn.utils.parametrize.cached()")
    random_state = torch.get_rng_state()
    try:
        graph = _Tracer().trace(module)
    except Untranslatable:
        raise
    except Exception as error:
        raise _untraceable(_layer("", type(module)), error) from error
    if not torch.equal(random_state, torch.get_rng_state()):
        raise Untranslatable(f"from_module(): {_layer('', type(module))} draws random numbers")
    return graph


class _Run:
    """A graph evaluated with expressions: run() returns what the module returns for inputs of given shapes."""

    def __init__(self, module, graph, places):
        self._module, self._graph, self._places = module, graph, places
        self._attributes = {}

    def run(self, inputs):
        values = self._arguments(inputs)
        for node in self._graph.nodes:
            if node.op == "placeholder":
                continue
            args, kwargs = (torch.fx.node.map_arg(a, values.__getitem__) for a in (node.args, node.kwargs))
            if node.op == "output":
                return args[0]
            is_call = node.op in ("call_function", "call_method")
            values[node] = self._call(node, args, kwargs) if is_call else self._attribute(node)

    def _arguments(self, inputs):
        """The values of the arguments of forward(): inputs, then defaults, none for *args."""
        arguments = [node for node in self._graph.nodes if node.op == "placeholder"]
        values = {node: () for node in arguments if node.target.startswith("*")}
        arguments = [node for node in arguments if node not in values]
        called = f"from_module(): {type(self._module).__name__}.forward()"
        if len(inputs) > len(arguments):
            raise TypeError(f"{called} takes {len(arguments)} inputs, but {len(inputs)} were given")
        values.update(zip(arguments, inputs))
        for node in arguments[len(inputs) :]:
            if not node.args:
                raise TypeError(f"{called}: there is no input for the argument {node.target!r}")
            values[node] = node.args[0]
        return values

    def _attribute(self, node):
        """par[...] for a parameter, numbers for other tensors; the same array each time for the latter."""
        if node.target in self._attributes:
            return self._attributes[node.target].copy()
        tensor = operator.attrgetter(node.target)(self._module)
        where = f"from_module(): {_layer_of(node, self._module)}: {node.target}"
        place = self._places.get(id(tensor))
        if (tensor if place is None else place.tensor).is_complex():
            raise Untranslatable(f"{where}: there is no translation of complex numbers")
        if place is not None:
            pars = [tayra.par[i] for i in range(place.start, place.start + place.tensor.numel())]
            self._attributes[node.target] = objects(pars, tuple(place.tensor.shape))
        elif tensor.requires_grad:
            raise Untranslatable(f"{where} requires a gradient, but is not one of the module's parameters")
        else:
            self._attributes[node.target] = tensor.detach().cpu().numpy()
        return self._attributes[node.target].copy()

    def _call(self, node, args, kwargs):
        name = node.target if node.op == "call_method" else getattr(node.target, "__name__", str(node.target))
        where = f"from_module(): {_layer_of(node, self._module)}"
        function, in_place = self._function(node, name)
        if function is None:
            raise Untranslatable(f"{where}: {name} has no translation")
        try:
            value = function(*args, **kwargs)
            if in_place:
                args[0][...] = value
                value = args[0]
        except Untranslatable as error:
            raise Untranslatable(f"{where}: {error}") from error
        except Exception as error:
            raise ValueError(f"{where}: {name}: {error}") from error
        return objects([value], ()) if isinstance(value, expression) else value

    @staticmethod
    def _function(node, name):
        """The translation, None if there is none; and whether it is to be done in place: torch's names end in _ then."""
        table, key = (METHODS, name) if node.op == "call_method" else (FUNCTIONS, node.target)
        try:
            if key in table:
                return table[key], False
        except TypeError:  # not hashable
            return None, False
        if name in ("squeeze_", "unsqueeze_", "t_", "transpose_"):  # they change what a name means, not the numbers in memory
            return None, False
        known = name.endswith("_") and not name.endswith("__") and key in (name, getattr(torch, name, None))
        return (METHODS.get(name[:-1]), True) if known else (None, False)


_Place = namedtuple("_Place", "start tensor")


class Translation:
    """A module as expressions; made by from_module().

    Of a module's parameters, in the order of ``module.parameters()``, the numbers are par[first], par[first + 1], ... Where a
    parametrization makes a tensor of parameters, the numbers are those of that tensor, after the other parameters of its layer.
    """

    def __init__(self, module, first):
        self._module, self._first = module, first
        self._expressions, self._slices, self._owners, self._n = [], {}, [], 0

    def _place(self):
        """Where in par the tensors are, by the identity of their sources."""
        places, end = {}, self._first
        for name, owner, key, source in _named_tensors(self._module):
            if id(source) not in places:
                with torch.no_grad():
                    places[id(source)] = _Place(end, getattr(owner, key))
                end += places[id(source)].tensor.numel()
                self._owners.append((owner, key))
            start = places[id(source)].start
            self._slices[name] = slice(start, start + places[id(source)].tensor.numel())
        self._n = end - self._first
        return places

    @property
    def expressions(self):
        """The list of the module's outputs."""
        return list(self._expressions)

    @property
    def module(self):
        """The module."""
        return self._module

    @property
    def n_parameters(self):
        """The number of numbers in all parameters."""
        return self._n

    @property
    def slices(self):
        """A dict of the parameters' names to the slices of their indices; parameters that are shared have several names."""
        return dict(self._slices)

    def tensors(self):
        """The list of the module's parameters as they are now, each shared one once: ``list(module.parameters())``, but for
        parametrizations."""
        return [getattr(owner, key) for owner, key in self._owners]

    def parameters(self):
        """All parameters in one flat tensor, with a gradient that goes on to the module's parameters."""
        tensors = self.tensors()
        return torch.cat([t.reshape(-1) for t in tensors]) if tensors else torch.zeros(0)

    def __getstate__(self):
        return {**self.__dict__, "_expressions": _core.save(self._expressions)}  # what they share once

    def __setstate__(self, state):
        self.__dict__.update(state, _expressions=_core.load(state["_expressions"]))

    def __len__(self):
        return len(self._expressions)

    def __iter__(self):
        return iter(self._expressions)

    def __repr__(self):
        return (
            f"<{type(self._module).__name__}: {len(self)} expressions with {self._n} parameters from par[{self._first}] on>"
        )


def _array_of(x, batch):
    return objects([x], ()) if isinstance(x, expression) else objects(x, (*batch, len(x)))


def _outputs(result, batch):
    shape = getattr(result, "shape", None)
    if shape is None or len(shape) > len(batch) + 1 or shape[: len(batch)] != batch:
        what = f"a tensor of shape {shape}" if shape is not None else repr(type(result).__name__)
        raise ValueError(f"from_module(): the result must be one vector, but is {what}")
    return [e if isinstance(e, expression) else expression(e) for e in result.ravel().tolist()]


def from_module(module, *inputs, first=0):
    """The outputs of a torch.nn.Module as expressions of its inputs and its parameters: a Translation.

    inputs: for each argument of ``module.forward()`` a list of expressions (a vector) or an expression (a scalar). They
    are one point: the module is applied to a vector of shape (n,) or, if it does not take that, to a batch of one, (1, n).
    first: the index of the first parameter.

    Buffers and other constant tensors become numbers, as they are now. Raises ValueError, with the layer's name, for what cannot
    be translated: functions without a translation, control flow that depends on values, dropout in training mode. TypeError for
    other types.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_module(): module must be a torch.nn.Module, not {type(module).__name__!r}")
    if isinstance(first, bool) or not hasattr(first, "__index__") or first < 0:
        raise TypeError(f"from_module(): first must be an integer that is not negative, not {first!r}")
    inputs = [x if isinstance(x, expression) else list_of_expressions(x, "inputs") for x in inputs]
    result = Translation(module, operator.index(first))
    before = [(vars(m), dict(vars(m))) for m in module.modules()]
    try:
        run, errors = _Run(module, _trace(module), result._place()), []
        for batch in ((), (1,)):
            try:
                result._expressions = _outputs(run.run([_array_of(x, batch) for x in inputs]), batch)
                return result
            except Untranslatable:
                raise
            except ValueError as error:
                errors.append(error)
        if str(errors[0]) == str(errors[1]):
            raise errors[0]
        raise ValueError(f"{errors[0]} (and for a batch of one: {errors[1]})") from errors[0]
    finally:
        for attributes, those in before:  # what the tracer has put there, or forward() with stand-ins for tensors
            attributes.clear()
            attributes.update(those)
