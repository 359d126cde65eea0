"""Integrators with events, and what their callbacks were called with: for the tests of events."""

import math

import numpy as np

import tayra as hk

HALF = math.pi / 2


class Callback:
    """Keeps the times and signs that it is called with, in itself: (time, sign). What it returns is given."""

    def __init__(self, result=True, act=None):
        self.calls, self.result, self.act = [], result, act

    def __call__(self, ta, *args):
        self.calls.append(args if len(args) == 2 else (ta.time, *args))
        if self.act:
            self.act(ta)
        return self.result


def circle(m=hk, state=(1.0, 0.0), t=(), nt=(), **kwargs):
    """x = cos t, v = -sin t. Events are given by functions of x, v, or by (function, keyword arguments)."""
    a, b = m.make_vars("x", "v")
    return integrator(m, [(a, b), (b, -a)], state, t, nt, **kwargs)


def integrator(m, system, state, t=(), nt=(), **kwargs):
    variables = [variable for variable, _ in system]

    def events(make, given, keep):
        for one in given:
            function, options = one if isinstance(one, tuple) else (one, {})
            yield make(function(*variables), **{**keep, **options})

    kwargs["t_events"] = list(events(m.t_event, t, {}))
    kwargs["nt_events"] = list(events(m.nt_event, nt, {"callback": Callback()}))
    return m.taylor_adaptive(system, list(state), **kwargs)


def go_on(act=None, **options):
    return dict(callback=Callback(True, act), **options)


def position(x, v):
    return x


def velocity(x, v):
    return v


def calls(ta, i=0):
    return ta.nt_events[i].callback.calls


def t_calls(ta, i=0):
    return ta.t_events[i].callback.calls


def plain(outcome):
    """An outcome of one package as what can be compared with that of another: its number if it is an event's."""
    return int(outcome) if abs(int(outcome)) < 1000 else outcome.name


def assert_logs(actual, expected, rtol=1e-13, atol=1e-14):
    assert [call[1:] for call in actual] == [call[1:] for call in expected]
    np.testing.assert_allclose([call[0] for call in actual], [call[0] for call in expected], rtol=rtol, atol=atol)
