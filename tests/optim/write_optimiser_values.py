"""Writes optimiser_values.txt: numbers before and after each of several steps of torch.optim.SGD and torch.optim.Adam.

A line: optimiser, its options (rate, momentum and weight_decay; rate, beta1, beta2, epsilon, weight_decay, amsgrad), then for
each step the gradient and the numbers after it, hexadecimal, in double precision. The numbers begin at START, which stands
in the first line. The gradients shrink and grow by four decades, so that the largest mean of the square is not always the
last one, and one number's gradient is 0 in the first steps. Seed 5.
"""

import pathlib

import torch

N_STEPS, START = 12, [0.75, -1.5, 3.0, 0.0]
SGD = [(0.1, 0.0, 0.0), (0.02, 0.9, 0.0), (0.05, 0.7, 0.03), (0.001, 0.0, 0.5)]
ADAM = [
    (0.001, 0.9, 0.999, 1e-8, 0.0, False),
    (0.01, 0.9, 0.999, 1e-8, 0.0, True),
    (0.1, 0.5, 0.9, 1e-3, 0.2, False),
    (0.1, 0.8, 0.6, 1e-6, 0.01, True),
]

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)


def hexadecimal(values):
    return [float(x).hex() for x in values]


def line(name, options, make):
    x = torch.tensor(START, requires_grad=True)
    optimiser = make(x)
    words = [name, *hexadecimal(options)]
    for k in range(N_STEPS):
        gradient = torch.randn(len(START)) * 10.0 ** float(torch.randint(-3, 2, ()))
        gradient[-1] *= k > 2
        x.grad = gradient.clone()
        optimiser.step()
        words += hexadecimal(gradient) + hexadecimal(x.detach())
    return " ".join(words)


def sgd(rate, momentum, decay):
    return lambda x: torch.optim.SGD([x], lr=rate, momentum=momentum, weight_decay=decay)


def adam(rate, beta1, beta2, epsilon, decay, amsgrad):
    return lambda x: torch.optim.Adam([x], lr=rate, betas=(beta1, beta2), eps=epsilon, weight_decay=decay, amsgrad=amsgrad)


lines = [" ".join(["start", *hexadecimal(START)])]
lines += [line("sgd", options, sgd(*options)) for options in SGD]
lines += [line("adam", options, adam(*options)) for options in ADAM]
pathlib.Path(__file__).with_name("optimiser_values.txt").write_text("\n".join(lines) + "\n")
