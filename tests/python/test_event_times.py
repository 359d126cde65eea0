"""Where events are, and in which direction: beside the peer, scipy and exact times."""

import math

import numpy as np
import pytest
from event_support import HALF, Callback, assert_logs, calls, circle, go_on, integrator, plain, position, t_calls, velocity
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import ellipk

import tayra as hk

x, v = hk.make_vars("x", "v")
O = hk.taylor_outcome
D = hk.event_direction


# Where events are, and their direction.


@pytest.mark.parametrize("direction", ["any", "positive", "negative"])
@pytest.mark.parametrize("end", [9.0, -9.0])
def test_signs_and_directions(peer, direction, end):
    """They are about the derivative in time, in whichever direction the integration goes."""
    times = [HALF + k * math.pi for k in (0, 1, 2)]
    expected = [(t, -1 if k % 2 == 0 else 1) for k, t in enumerate(times)]
    if end < 0:
        expected = [(-t, -sign) for t, sign in expected]
    sign = D[direction].value
    expected = [call for call in expected if sign in (0, call[1])]
    for m in (hk, peer):
        option = dict(direction=m.event_direction[direction])
        ta = circle(m, nt=[(position, option)])
        ta.propagate_until(end)
        assert_logs(calls(ta), expected)
        assert all(type(t) is float and type(s) is int for t, s in calls(ta))
        ta = circle(m, t=[(position, go_on(**option))])
        ta.propagate_until(end)
        assert_logs(t_calls(ta), expected)


@given(st.floats(0.1, 2), st.floats(0, 6.28), st.floats(-0.95, 0.95), st.floats(0.3, 3), st.sampled_from([1, -1]))
def test_levels(radius, phase, level, frequency, sign):
    """a x + b v / w = c on x'' = -w^2 x: exact times."""
    a, b, c = radius * math.cos(phase), radius * math.sin(phase), radius * level
    assume(abs(a - c) > 1e-3 * radius)
    system = [(x, v), (v, -(hk.par[0] ** 2.0) * x)]
    ta = integrator(
        hk, system, [1.0, 0.0], nt=[lambda x, v: hk.par[1] * x + hk.par[2] * v / hk.par[0] - c], pars=[frequency, a, b]
    )
    end = sign * 6.0 / frequency
    ta.propagate_until(end)
    # radius * cos(w t + phase) = c
    roots = [
        ((s * math.acos(level) - phase + 2 * math.pi * k) / frequency, -s) for k in range(-3, 5) for s in (1, -1)
    ]  # fmt: skip
    expected = sorted(((t, s) for t, s in roots if 0 < t * sign < 6.0 / frequency), key=lambda root: root[0] * sign)
    assert_logs(calls(ta), expected, rtol=1e-12, atol=1e-12 / frequency)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=7, unique=True), st.sampled_from([1, -1]))
def test_many_roots_in_a_step(places, sign):
    """A polynomial of the time that is zero at distinct times, of which several are in one step, in time's order."""
    roots = [sign * (place / 32 + 0.01) for place in places]
    function = hk.expression(1.0)
    for root in roots:
        function = function * (hk.time - root)
    ta = circle(nt=[lambda x, v: function])
    ta.propagate_until(sign * 2.0)
    roots.sort(reverse=sign < 0)
    signs = [math.prod(math.copysign(1, r - other) for other in roots if other != r) for r in roots]
    found = calls(ta)
    assert [s for _, s in found] == signs
    np.testing.assert_allclose([t for t, _ in found], roots, rtol=0, atol=1e-6)


@pytest.mark.parametrize("state", [[0.0, 1.0], [0.0, -1.0]])
@pytest.mark.parametrize("end", [2.0, -2.0])
def test_events_at_the_beginning(peer, state, end):
    """They count, at a step of size 0 if they are terminal, and are not found again when the integration goes on."""
    for m in (hk, peer):
        ta = circle(m, state, nt=[position])
        ta.propagate_until(end)
        assert calls(ta) == [(0.0, state[1])]
        ta = circle(m, state, t=[position])
        outcome, h = ta.step()
        assert (int(outcome), h, ta.time, list(ta.state)) == (-1, 0.0, 0.0, state) and ta.te_cooldowns[0][0] == 0.0
        assert plain(ta.propagate_until(end)[0]) == "time_limit"
        ta = circle(m, state, t=[(position, go_on())])
        assert plain(ta.propagate_until(end)[0]) == "time_limit" and t_calls(ta) == [(0.0, state[1])]


def test_double_roots_at_the_beginning(peer):
    """They have no direction: the sign is 0, and no direction but `any` has them."""
    for m in (hk, peer):
        for direction, n in ("any", 1), ("positive", 0), ("negative", 0):
            ta = circle(m, nt=[(lambda x, v: x - 1.0, dict(direction=m.event_direction[direction]))])
            ta.propagate_until(1.0)
            assert calls(ta) == [(0.0, 0)] * n


def test_close_to_tangents(peer):
    """Two roots 3e-3 apart, and none where the level is missed by 1e-6."""
    level = lambda x, v: x - (1 - 1e-6)
    for m in (hk, peer):
        ta = circle(m, nt=[level, lambda x, v: x - (1 + 1e-6)])
        ta.propagate_until(7.0)
        t = math.acos(1 - 1e-6)
        assert_logs(calls(ta), [(t, -1), (2 * math.pi - t, 1), (2 * math.pi + t, -1)], rtol=1e-9)
        assert calls(ta, 1) == []
        ta = circle(m, t=[(level, go_on())])
        ta.propagate_until(7.0)
        assert len(t_calls(ta)) == 3


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("tenths", range(1, 30))
def test_boundaries_of_steps(tenths, sign):
    """An event at the boundary of two steps, up to rounding, comes once, whichever step it falls into."""
    at = sign * 0.1 * tenths
    for where in (lambda x, v: hk.time - at, lambda x, v: x + (0.5 - at)):
        system, begin = [(x, hk.expression(1.0)), (v, -v)], [-0.5, 1.0]
        ta = integrator(hk, system, begin, nt=[where])
        ta.propagate_until(sign * 4.0, max_delta_t=0.1)
        assert_logs(calls(ta), [(at, 1)])
        ta = integrator(hk, system, begin, t=[(where, go_on())])
        ta.propagate_until(sign * 4.0, max_delta_t=0.1)
        assert_logs(t_calls(ta), [(at, 1)])
        ta = integrator(hk, system, begin, t=[where])
        assert int(ta.propagate_until(sign * 4.0, max_delta_t=0.1)[0]) == -1
        assert ta.time == pytest.approx(at, rel=1e-14)
        assert ta.propagate_until(sign * 4.0, max_delta_t=0.1)[0] == O.time_limit


@given(st.floats(-1, 1), st.floats(-1, 1), st.integers(1, 6))
def test_levels_at_ends_of_steps(a, b, n):
    """The level is what x is at the end of a step."""
    assume(math.hypot(a, b) > 0.1)
    ta = circle(state=[a, b])
    for _ in range(n):
        ta.step()
    level, at, slope = float(ta.state[0]), ta.time, float(ta.state[1])
    assume(abs(slope) > 1e-2)
    ta = circle(state=[a, b], nt=[(lambda x, v: hk.par[0] * x - level, {})], pars=[1.0])
    ta.propagate_until(at + 0.5)
    near = [(t, s) for t, s in calls(ta) if abs(t - at) < 1e-6]
    assert_logs(near, [(at, math.copysign(1, slope))], rtol=1e-11)


@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([3.3, -3.3]))
def test_both_kinds_at_once(a, b, end):
    """Where a terminal event ends a step, a non-terminal one of the same function is there, too, once."""
    assume(abs(a) > 0.1)
    ta = circle(state=[a, b], t=[(position, go_on())], nt=[position, lambda x, v: -3.0 * x])
    ta.propagate_until(end)
    assert len(t_calls(ta)) in (1, 2)
    assert_logs(calls(ta, 0), t_calls(ta), rtol=1e-14)
    assert_logs(calls(ta, 1), [(t, -sign) for t, sign in t_calls(ta)], rtol=1e-14)


def test_time_and_parameters(peer):
    for m in (hk, peer):
        functions = [lambda x, v: m.time - 101.25, lambda x, v: m.cos(m.time - 100.0), lambda x, v: x - m.par[1] * m.time]
        for high_accuracy in (False, True):
            ta = circle(m, nt=functions, time=100.0, pars=[0.0, 0.0025], high_accuracy=high_accuracy)
            ta.propagate_until(103.0)
            assert_logs(calls(ta, 0), [(101.25, 1)], rtol=1e-15)
            assert_logs(calls(ta, 1), [(100 + HALF, -1)], rtol=1e-15)
            (at, sign), *_ = calls(ta, 2)
            assert math.cos(at - 100) == pytest.approx(0.0025 * at, abs=1e-13) and sign == -1 and len(calls(ta, 2)) == 1
            ta.pars[1] = 10.0  # no root then
            ta.propagate_until(106.0)
            assert len(calls(ta, 2)) == 1


# Known solutions.


@pytest.mark.parametrize("amplitude", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_period_of_a_pendulum(amplitude, execution):
    quarter = ellipk(math.sin(amplitude / 2) ** 2)
    ta = integrator(hk, [(x, v), (v, -hk.sin(x))], [amplitude, 0.0], t=[(position, go_on())], nt=[velocity], execution=execution)
    ta.propagate_until(12.5 * quarter)
    assert_logs(t_calls(ta), [((2 * k + 1) * quarter, -1 if k % 2 == 0 else 1) for k in range(6)], rtol=1e-13)
    assert_logs(calls(ta), [(2 * k * quarter, 1 if k % 2 else -1) for k in range(7)], rtol=1e-13)


def test_bouncing_ball():
    """It loses half its speed at each bounce: the times add up to 3 times the first, and end before."""

    def bounce(ta):
        ta.state[1] *= -0.5

    system = [(x, v), (v, hk.expression(-1.0))]
    ta = integrator(hk, system, [0.5, 0.0], t=[(position, go_on(bounce, direction=D.negative))])
    assert ta.propagate_until(2.9)[0] == O.time_limit
    times = [3.0 - 2.0 ** (1 - k) for k in range(5)]
    assert_logs(t_calls(ta), [(t, -1) for t in times], rtol=1e-13)


def kepler(m):
    x, y, u, w = m.make_vars("x", "y", "u", "w")
    r3 = (x**2.0 + y**2.0) ** 1.5
    return [(x, u), (y, w), (u, -x / r3), (w, -y / r3)]


@pytest.mark.parametrize("eccentricity", [0.05, 0.5, 0.9])
def test_apsides(peer, eccentricity):
    """r . v = 0 at multiples of half a period, rising at the pericentre."""
    begin = [1 - eccentricity, 0.0, 0.0, math.sqrt((1 + eccentricity) / (1 - eccentricity))]
    radial = lambda x, y, u, w: x * u + y * w
    expected = [(k * math.pi, 1 if k % 2 == 0 else -1) for k in range(4)]
    for m in (hk, peer):
        ta = integrator(m, kepler(m), begin, nt=[radial])
        ta.propagate_until(3.5 * math.pi)
        assert_logs(calls(ta), expected, rtol=1e-11)
        ta = integrator(m, kepler(m), begin, t=[(radial, go_on(direction=m.event_direction.negative))])
        ta.propagate_until(3.5 * math.pi)
        assert_logs(t_calls(ta), expected[1::2], rtol=1e-11)


def test_section_of_henon_heiles():
    """y where x = 0 and rising, beside the events of scipy."""
    q = hk.make_vars("x", "y", "u", "w")
    X, Y, U, W = q
    system = [(X, U), (Y, W), (U, -X - 2.0 * X * Y), (W, Y * Y - Y - X * X)]
    begin = [0.0, 0.1, 0.45, 0.05]
    points = []
    record = Callback(True, lambda ta: points.append(ta.state.copy()))
    ta = integrator(hk, system, begin, t=[(lambda x, y, u, w: x, dict(callback=record, direction=D.positive))])
    ta.propagate_until(100.0)

    def section(t, s):
        return s[0]

    section.direction = 1
    reference = solve_ivp(
        lambda t, s: [s[2], s[3], -s[0] - 2 * s[0] * s[1], s[1] ** 2 - s[1] - s[0] ** 2],
        (0, 100), begin, method="DOP853", rtol=1e-12, atol=1e-13, events=section,
    )  # fmt: skip
    n = len(reference.t_events[0])
    times = [t for t, _ in t_calls(ta)]
    assert len(times) - n in (0, 1) and n > 10  # the first is at the beginning
    np.testing.assert_allclose(times[-n:], reference.t_events[0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(points[-n:], reference.y_events[0], atol=1e-7)


def test_states_set_by_hand():
    """Where they make a function exactly 0, that is an event, whatever its sign was before."""
    for before in (0.5, 2.0, -1.0):
        ta = circle(nt=[position], t=[(position, go_on())])
        ta.propagate_until(before)
        ta.nt_events[0].callback.calls.clear(), ta.t_events[0].callback.calls.clear()
        ta.reset_cooldowns()
        ta.time, ta.state[:] = 0.0, [0.0, 1.0]
        ta.propagate_until(1.0)
        assert [c[0] for c in calls(ta)] == [0.0] == [c[0] for c in t_calls(ta)]


@pytest.mark.parametrize("slope", [x - x, -x, hk.expression(1.0)])
def test_functions_that_end(slope):
    """Where sqrt(0.5 - t), or that of a state, is no number any more, steps go on, whatever the states do."""
    for function in (lambda x, v: hk.sqrt(0.5 - hk.time) - 0.1, lambda x, v: hk.sqrt(0.5 - v) - 0.1):
        ta = integrator(hk, [(x, slope), (v, hk.expression(1.0))], [1.0, 0.0], nt=[function])
        assert plain(ta.propagate_until(1.0, max_steps=2000)[0]) == "time_limit" and ta.state[1] == pytest.approx(1.0, abs=1e-12)
        (time, sign), = calls(ta)
        assert time == pytest.approx(0.49, abs=1e-14) and sign == -1
