"""Callbacks of events: their order, what they see and may do; outputs, copies, variational equations."""

import copy
import gc
import math
import pickle
import weakref

import numpy as np
import pytest
from event_support import HALF, Callback, assert_logs, calls, circle, go_on, integrator, plain, position, t_calls, velocity
from scipy.special import ellipk

import tayra as hk

x, v = hk.make_vars("x", "v")
O = hk.taylor_outcome


# The order of things.


def script(m, end, t, nt, result=True, **kwargs):
    """What is called in a propagation, by its names."""
    log = []

    def write(name, result):
        return lambda ta, *args: (log.append((name, ta.time, *args)), result)[1]

    ta = circle(
        m,
        t=[(f, dict(callback=write("t", r))) for f, r in t],
        nt=[(f, dict(callback=write(f"nt{i}", None))) for i, f in enumerate(nt)],
    )
    outcome = plain(ta.propagate_until(end, callback=write("step", result), **kwargs)[0])
    return outcome, [entry[0] for entry in log], [value for entry in log for value in entry[1:]]


@pytest.mark.parametrize("end", [3.0, -3.0])
@pytest.mark.parametrize("result", [True, False])
@pytest.mark.parametrize(
    "t, nt",
    [
        ([position], [lambda x, v: x - 0.2, lambda x, v: x + 0.2, lambda x, v: x - 0.4]),
        ([position], [position, position]),
        ([], [lambda x, v: x - 0.2, lambda x, v: x - 0.4, lambda x, v: x - 0.2, lambda x, v: v + 0.9]),
        ([lambda x, v: x - 0.2, lambda x, v: x - 0.4], [lambda x, v: x - 0.3]),
        ([lambda x, v: x + 0.9, position, position], []),
    ],
)
def test_order_of_callbacks(peer, t, nt, result, end):
    """In a step: non-terminal events by time, those before the terminal one only, that one, the callback of steps."""
    goes_on = [(f, result) for f in t]
    (outcome, names, values), theirs = (script(m, end, goes_on, nt) for m in (hk, peer))
    assert (outcome, names) == theirs[:2]
    np.testing.assert_allclose(values, theirs[2], rtol=1e-13, atol=1e-15)


def test_stopping_twice(peer):
    """A callback of steps is also called after an event that stops, and has the last word."""
    for m in (hk, peer):
        ta = circle(m, t=[position])
        ta.step()
        assert plain(ta.propagate_until(3.0, callback=lambda ta: False)[0]) == "cb_stop"
        assert ta.time == pytest.approx(HALF)


def test_what_callbacks_see():
    seen = []

    def at_event(ta, sign):
        seen.append((ta, ta.time, ta.last_h, ta.state.copy(), ta.te_cooldowns[0][0]))
        return True

    def within(ta, t, sign):
        seen.append((ta, t, ta.time, ta.update_d_output(t).copy(), ta.te_cooldowns[0]))

    ta = circle(t=[(position, dict(callback=at_event))], nt=[(lambda x, v: x - 0.2, dict(callback=within))])
    ta.propagate_until(3.0)
    (ta1, t, time, state, cooldown), (ta2, at, h, there, elapsed) = seen
    assert ta1 is ta is ta2 and time == at == pytest.approx(HALF) and cooldown is None and elapsed == 0.0
    np.testing.assert_allclose(state, [0.2, -math.sin(math.acos(0.2))], rtol=1e-14)
    np.testing.assert_allclose(there, [0, -1], atol=1e-15)
    assert 0 < h < 1


# What callbacks do.


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_exceptions_of_callbacks(error):
    """They come out as they are, and it can go on from there."""

    def fail(ta):
        raise problem

    problem = error()
    for name in ("until", "grid"):
        for kind in ("t", "nt"):
            ta = circle(**{kind: [(position, go_on(fail))]})
            with pytest.raises(error) as caught:
                ta.propagate_until(3.0) if name == "until" else ta.propagate_grid([0.0, 1.0, 3.0])
            assert caught.value.__class__ is error
            at = ta.time
            assert at == pytest.approx(HALF) if kind == "t" else HALF < at <= 3.0
            np.testing.assert_allclose(ta.state, [math.cos(at), -math.sin(at)], atol=1e-14)
            if kind == "t":
                assert ta.te_cooldowns[0][0] == 0.0
            assert ta.propagate_until(4.0)[0] == O.time_limit
            np.testing.assert_allclose(ta.state, [math.cos(4), -math.sin(4)], atol=1e-14)
    with pytest.raises(TypeError):
        circle(t=[(position, dict(callback=lambda ta: True))]).propagate_until(3.0)
    with pytest.raises(TypeError):
        circle(nt=[(position, dict(callback=lambda ta, sign: True))]).propagate_until(3.0)


def test_an_exception_ends_a_step(peer):
    """Nothing else is called then, and the terminal event is still to come."""
    for m in (hk, peer):

        def fail(ta):
            if len(steps) < 2:
                steps.append("failed")
                raise LookupError

        steps = []
        ta = circle(m, t=[(position, go_on())], nt=[(lambda x, v: x - 0.4, go_on(fail)), lambda x, v: x - 0.3])
        with pytest.raises(LookupError):
            ta.propagate_until(3.0, callback=lambda ta: (steps.append("step"), True)[1])
        assert steps == ["step", "failed"] and not calls(ta, 1) and not t_calls(ta) and ta.te_cooldowns == [None]
        ta.propagate_until(3.0)
        assert_logs(t_calls(ta), [(HALF, -1)])


def test_the_time_must_not_change(peer):
    def jump(ta):
        ta.time = 17.0

    def there_and_back(ta):
        t = ta.time
        ta.time = 0.0
        ta.time = t

    for m in (hk, peer):
        for act in (jump, lambda ta: ta.step(), lambda ta: ta.propagate_for(0.1)):
            for kind in ("t", "nt"):
                for run in (lambda ta: ta.propagate_until(3.0), lambda ta: [ta.step() for _ in range(3)]):
                    with pytest.raises(RuntimeError):
                        run(circle(m, **{kind: [(position, go_on(act))]}))
        assert plain(circle(m, t=[(position, go_on(there_and_back))]).propagate_until(3.0)[0]) == "time_limit"


def test_changes_of_state_and_parameters(peer):
    def bounce(ta):
        ta.state[1] *= -1

    def harden(ta):
        ta.pars[0] = 4.0

    ends = []
    for m in (hk, peer):
        ta = circle(m, t=[(position, go_on(bounce))])
        states = ta.propagate_grid([0.0, 1.0, 1.6, 3.0])[5]
        times = np.array([0.0, 1.0, 1.6, 3.0])
        signs = np.where(times < HALF, 1, -1)
        np.testing.assert_allclose(states, np.array([np.cos(times), -np.sin(times)]).T * signs[:, None], atol=1e-14)
        a, b = m.make_vars("x", "v")
        system = [(a, b), (b, -m.par[0] * a)]
        ta = integrator(m, system, [1.0, 0.0], t=[(position, go_on(harden))], pars=[1.0])
        ta.propagate_until(3.0)
        phase = 2 * (3.0 - HALF)
        np.testing.assert_allclose(ta.state, [-math.sin(phase) / 2, -math.cos(phase)], rtol=1e-14)
        ta = integrator(m, system, [1.0, 0.0], nt=[(position, go_on(harden))], pars=[1.0])
        ta.propagate_until(3.0)  # from the end of the step on
        ends.append(ta.state.copy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-13)


def test_cooldowns_reset_by_a_callback(peer):
    """The peer then finds the same event again; here it cannot happen twice."""
    for m, n_calls in ((hk, 1), (peer, 7)):
        ta = circle(m, t=[(position, go_on(lambda ta: ta.reset_cooldowns()))])
        ta.propagate_until(3.0, max_steps=8)
        assert len(t_calls(ta)) == n_calls and (m is peer or ta.time == 3.0)


# Outputs.


@pytest.mark.parametrize(
    "grid, rows", [([0.0, 0.5, 1.0, 1.5, 1.6, 2.0], 4), ([0.0, 3.0], 1), ([0.0, 0.5, 1.0], 3), ([0.0, -1.0, -2.0, -3.0], 2)]
)
def test_grids(peer, grid, rows):
    """The rows up to an event that stops."""
    for m in (hk, peer):
        ta = circle(m, t=[position])
        outcome, low, high, n, callback, states = ta.propagate_grid(grid)
        assert plain(outcome) == ("time_limit" if rows == len(grid) else -1) and states.shape == (rows, 2)
        np.testing.assert_allclose(states, np.array([np.cos(grid), -np.sin(grid)]).T[:rows], atol=1e-15)
        assert abs(ta.time) == pytest.approx(min(HALF, abs(grid[-1])))
        ta = circle(m, t=[(position, go_on())], nt=[velocity])
        states = ta.propagate_grid(grid)[5]
        np.testing.assert_allclose(states, np.array([np.cos(grid), -np.sin(grid)]).T, atol=1e-14)
        ta = circle(m, [0.0, 1.0], t=[position])
        assert np.array_equal(ta.propagate_grid(grid)[5], [[0.0, 1.0]])


def test_continuous_output(peer):
    def bounce(ta):
        ta.state[1] *= -1

    for m in (hk, peer):
        ta = circle(m, t=[position])
        output = ta.propagate_until(3.0, c_output=True)[4]
        assert output.n_steps == 2 and output.bounds == (0.0, ta.time) and output.times[-1] == ta.time
        np.testing.assert_allclose(output(1.5), [math.cos(1.5), -math.sin(1.5)], rtol=1e-14)
        output = circle(m, t=[(position, go_on(bounce))]).propagate_until(3.0, c_output=True)[4]
        np.testing.assert_allclose(output(1.5), [math.cos(1.5), -math.sin(1.5)], rtol=1e-14)
        np.testing.assert_allclose(output(2.0), [-math.cos(2.0), math.sin(2.0)], rtol=1e-14)
        assert output.bounds == (0.0, 3.0) and output.n_steps == 4
        output = circle(m, [0.0, 1.0], t=[(position, go_on())]).propagate_until(3.0, c_output=True)[4]
        np.testing.assert_allclose(output([0.0, 1.0]), [[0, 1], [math.sin(1), math.cos(1)]], atol=1e-14)


# Copies.


def copies(ta):
    return copy.copy(ta), copy.deepcopy(ta), pickle.loads(pickle.dumps(ta))


def test_copies_and_pickles(peer):
    for m in (hk, peer):
        ta = circle(m, t=[(position, go_on(cooldown=2.0))], nt=[velocity])
        ta.propagate_until(2.0)
        for other in copies(ta):
            assert other.te_cooldowns == ta.te_cooldowns and other.te_cooldowns[0][1] == 2.0
            assert t_calls(other) == t_calls(ta) and other.t_events[0].callback is not ta.t_events[0].callback
            assert repr(other) == repr(ta)
            other.propagate_until(6.0)
            assert_logs(t_calls(other), [(HALF, -1), (3 * HALF, 1)])
            assert_logs(calls(other), [(0.0, -1), (math.pi, 1)])
        assert len(t_calls(ta)) == len(calls(ta)) == 1 and ta.time == 2.0


def change(ta, i):
    ta.state[:] = [1.0, 0.1 * i]
    return ta


@pytest.mark.parametrize("algorithm", ["thread", "process"])
def test_ensembles(algorithm):
    """As a loop of copies; each has callbacks of its own."""
    ta = circle(t=[(position, go_on()), lambda x, v: x + 0.9], nt=[velocity])
    for name, target in ("until", 6.0), ("grid", [0.0, 1.0, 6.0]):
        results = getattr(hk, f"ensemble_propagate_{name}")(ta, target, 4, change, algorithm=algorithm, max_workers=2)
        for i, (other, *result) in enumerate(results):
            expected = change(copy.deepcopy(ta), i)
            same = getattr(expected, f"propagate_{name}")(target)
            assert result[0] == same[0] == O(-2) and result[3] == same[3]
            assert t_calls(other) == t_calls(expected) and calls(other) == calls(expected) and t_calls(other)
            assert other.time == expected.time and other.te_cooldowns == expected.te_cooldowns
    assert t_calls(ta) == []


def test_memory_is_freed():
    """Also where a callback refers to its integrator."""

    def make():
        held = []
        ta = circle(t=[(position, go_on())], nt=[(velocity, dict(callback=lambda ta, t, sign: held.append(ta)))])
        held.append(ta)
        ta.propagate_until(3.0)
        return weakref.ref(ta), weakref.ref(ta.t_events[0].callback)

    references = make()
    gc.collect()
    assert [reference() for reference in references] == [None, None]


# Variational equations.


def test_variational(peer):
    """The state at the event has the derivatives at that time; events may have them in their functions, too."""
    found = []
    for m in (hk, peer):
        a, b = m.make_vars("x", "v")
        system = m.var_ode_sys([(a, b), (b, -m.sin(a))], m.var_args.vars, 1)
        derivative = [e for e, _ in m.taylor_adaptive(system).sys][2]
        maps = []
        record = Callback(True, lambda ta: maps.append(ta.eval_taylor_map([1e-3, 0.0]).copy()))
        events = dict(t_events=[m.t_event(a, callback=record)], nt_events=[m.nt_event(derivative, Callback())])
        ta = m.taylor_adaptive(system, [1.0, 0.0], **events)
        ta.propagate_until(5.0)
        found.append((t_calls(ta), calls(ta), ta.state, maps))
        assert ta.is_variational and len(maps) == 1
    (t, nt, state, maps), theirs = found
    assert_logs(t, theirs[0])
    assert_logs(nt, theirs[1], rtol=1e-12)
    assert t[0][0] == pytest.approx(ellipk(math.sin(0.5) ** 2), rel=1e-14) and len(nt) > 0
    np.testing.assert_allclose(state, theirs[2], rtol=1e-12)
    np.testing.assert_allclose(maps, theirs[3], rtol=1e-12, atol=1e-15)
