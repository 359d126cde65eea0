"""Feed-forward neural networks."""

from .. import _core
from .._arguments import count_of, list_of, list_of_expressions


_PARAMETERS = object()


def ffnn(inputs, nn_hidden, n_out, activations, nn_wb=_PARAMETERS):
    """A feed-forward neural network: the list of its n_out outputs as expressions.

    inputs: a sequence of expressions. nn_hidden: the numbers of neurons of the hidden layers. activations: for each
    hidden layer and for the output a function of one expression, which is called once for each neuron. nn_wb: all
    weights, layer by layer and row by row (a row is a neuron), then all biases; numbers, or expressions; without it
    they are par[0], par[1], ...

    Raises ValueError if numbers of layers, neurons or weights do not fit; TypeError for other types; what an activation
    raises.
    """
    inputs = list_of_expressions(inputs, "inputs")
    hidden = tuple(count_of(n, "nn_hidden") for n in list_of(nn_hidden, "nn_hidden"))
    n_out = count_of(n_out, "n_out")
    activations = tuple(list_of(activations, "activations"))
    for activation in activations:
        if not callable(activation):
            raise TypeError(f"activations: functions were expected, not {type(activation).__name__!r}")
    weights = None if nn_wb is _PARAMETERS or nn_wb is None else tuple(list_of(nn_wb, "nn_wb"))
    return _core.ffnn(inputs, hidden, n_out, activations, weights)
