"""Python's memory runs out: each allocation of the calls into the extension fails, alone and with all behind it. There is a
MemoryError, or what the call raises anyway, and nothing else; in a process of its own, as the alternative is a crash."""

import subprocess
import sys

import pytest

pytest.importorskip("_testcapi")

PROGRAM = """
import _testcapi
import numpy as np
import tayra as hk
from tayra import _core

x, v = hk.make_vars("x", "v")
sys = [(x, v), (v, -hk.par[0] * hk.sin(x))]
state, pars, ts, ys = np.array([0.1, 0.2]), np.array([2.0]), np.array([0.0, 1.0]), np.zeros((2, 2))
many = [hk.expression(f"y{i}") for i in range(300)]  # numbers above 256 are made anew
variational = _core.variational([(y, -y) for y in many], 0, [many[0]], 1)
tensors = _core.tensors([y * y for y in many], [many[0]], 1)
ode = _core.ode(sys, state, pars, 0.0, 1e-10, False, 1, [])
events = [(v, True, True, 0, 0.0), (x - 0.15, False, True, 0, 0.0)]
eventful = _core.ode(sys, state, pars, 0.0, 1e-10, False, 1, events)
flow = _core.flow(sys, 1e-8, 0, 0, 1, 0, 1, 0, 0)
one, bytes = hk.expression(1.0), _core.save([x * v, x])


class Number:
    def __float__(self):
        return 2.5


def propagate(*callbacks):
    return ode.copy().propagate(False, 3.0, 0, np.inf, callbacks, None, (), True)


def meet_events():
    stopping = eventful.copy()
    at_events = lambda ta, sign: False, lambda ta, time, sign: None
    return stopping.propagate(False, 3.0, 0, np.inf, (), None, at_events, False), stopping.cooldown(0), stopping.terminal_event


def vjp():
    tape, result = flow.run(ys, state, ts, pars, 1, 2, True, True, True, None)
    return tape.pull(np.zeros(2), np.zeros(2), np.zeros(1), ys, None)


CALLS = [
    lambda: (x + v * 2.0 - 3) / x**2 + Number(), lambda: hk.expression("abc"), lambda: repr(hk.sin(x) * v),
    lambda: (x * v).__reduce__(), lambda: _core.save([x * v]), lambda: _core.load(bytes), lambda: _core.sum([x, v]),
    lambda: _core.diff([x * v, v], x), lambda: _core.subs([x * v], [x], [v]), lambda: _core.variables([x * v]),
    lambda: _core.ode(sys, state, pars, 0.0, 1e-10, False, 1, []), ode.copy, ode.state, ode.equations, ode.dump,
    propagate, lambda: propagate(lambda ta: True), vjp, lambda: _core.flow(sys, 1e-8, 0, 0, 1, 0, 1, 0, 0),
    lambda: _core.variational(sys, 7, [], 2), variational.equations, lambda: variational.multi_index(599),
    lambda: tensors[5], lambda: tensors.indices(599), lambda: _core.nbody(2, one, None),
    lambda: _core.mascon(one, [x], [x, v, one], [x, v, x]), lambda: _core.cr3bp(x), lambda: _core.mascon_energy(one, [], [], [1]),
    lambda: _core.ffnn((x,), (1,), 1, (hk.tanh, hk.tanh), (1.0, Number(), x, v)), lambda: _core.sum([x, 1]),
    lambda: _core.sum(1), lambda: hk.expression(object()), lambda: _core.ode([(x,)], state, pars, 0.0, 1e-10, False, 1, []),
    lambda: _core.ode(sys, state, pars, 0.0, 1e-10, False, 1, events), meet_events,
]

for number, call in enumerate(CALLS):
    expected = MemoryError
    try:
        call()
    except (TypeError, ValueError) as error:
        expected = MemoryError, type(error)
    for lasts in False, True:
        for k in range(40):
            try:
                _testcapi.set_nomemory(k, 0 if lasts else k + 1)
                try:
                    result = call()
                finally:
                    _testcapi.remove_mem_hooks()
                repr(result)
            except expected:
                pass
            except BaseException as error:
                raise AssertionError(f"call {number}, allocation {k}") from error
    try:
        call()
    except expected:
        assert expected is not MemoryError, number
print("done")
"""


def test_each_allocation_fails():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
