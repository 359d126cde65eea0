"""Ready-made callbacks: angles kept between 0 and 2 pi."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tayra as hk
from tayra.callback import angle_reducer

x, v = hk.make_vars("x", "v")
TURN = 2 * math.pi


def rotation(m=hk, angle=0.5, speed=2.0, **kwargs):
    a, b = m.make_vars("x", "v")
    return m.taylor_adaptive([(a, b), (b, 0.0 * a * b)], [angle, speed], **kwargs)


def test_construction(peer):
    for m in (hk, peer):
        a, b = m.make_vars("x", "v")
        for error, arguments in [
            (ValueError, [[]]),
            (ValueError, [[a + b]]),
            (ValueError, [[m.par[0]]]),
            (ValueError, [[m.time]]),
            (TypeError, [a]),
            (TypeError, [[1.0]]),
            (TypeError, [["x"]]),
            (TypeError, [None]),
            (TypeError, [[a], [b]]),
        ]:
            with pytest.raises(error):
                m.callback.angle_reducer(*arguments)
        with pytest.raises(ValueError):  # without variables it can be made, but not used
            rotation(m).propagate_until(1.0, callback=m.callback.angle_reducer())
        for make in (list, tuple, set):
            assert repr(m.callback.angle_reducer(make([a, b, a]))) == "Angle reducer: {v, x}"
        assert repr(m.callback.angle_reducer()) == "Angle reducer (default constructed)"
    assert hk.callback.__all__ == peer.callback.__all__ and hk.callback.angle_reducer is angle_reducer


@pytest.mark.parametrize(
    "angle", [3.0, -1.0, 7.0, TURN, -TURN, 0.0, -0.0, -1e-20, -1.5 * TURN, math.nextafter(TURN, 0), 100.0, -1e9, 1e17]
)
def test_angles(peer, angle):
    """At the end of each step x - 2 pi floor(x / 2 pi)."""
    ends = []
    for m in (hk, peer):
        ta = rotation(m, angle, 0.0)
        ta.propagate_until(0.1, callback=m.callback.angle_reducer(m.make_vars("x", "v")))
        ends.append(list(ta.state))
    assert ends[0] == ends[1] == [angle - TURN * math.floor(angle / TURN), 0.0]


@given(st.floats(-1e6, 1e6), st.floats(-10, 10))
def test_rotations(angle, speed):
    ta = rotation(angle=angle, speed=speed)
    ta.propagate_until(3.0, max_delta_t=0.1, callback=angle_reducer([x]))
    assert 0 <= ta.state[0] <= TURN and ta.state[1] == speed
    turns = (ta.state[0] - (angle + 3.0 * speed)) / TURN
    assert turns == pytest.approx(round(turns), abs=1e-9)


def test_in_lists_grids_and_outputs(peer):
    """The callbacks before it see what is not reduced, as do rows of a grid and continuous outputs in a step."""
    for m in (hk, peer):
        a = m.make_vars("x")
        seen = []
        look = lambda ta: (seen.append(ta.state[0]), True)[1]
        reducer = m.callback.angle_reducer([a])
        callback = rotation(m, 100.0, 1.0).propagate_until(1.0, max_delta_t=1.0, callback=[look, reducer, look])[5]
        np.testing.assert_allclose(seen, [101.0, 101.0 % TURN], rtol=1e-14)
        assert repr(callback[1]) == repr(reducer)
        ta = rotation(m, 100.0, 1.0)
        *_, callback, states = ta.propagate_grid([0.0, 1.0, 2.0], max_delta_t=2.0, callback=reducer)
        assert states[:, 0].tolist() == [100.0, 101.0, 102.0] and ta.state[0] == pytest.approx(102.0 % TURN)
        assert repr(callback) == repr(reducer)
        output = rotation(m).propagate_until(20.0, max_delta_t=20.0, callback=reducer, c_output=True)[4]
        assert output(10.0)[0] == pytest.approx(20.5)


def test_other_systems(peer):
    """Variables that a system has not are left out; one reducer serves several systems, in turns."""
    for m in (hk, peer):
        a, b, c = m.make_vars("x", "v", "w")
        reducer = m.callback.angle_reducer([a])
        for system, expected in [([a, b], [1, 0]), ([b, a], [0, 1]), ([b, c], [0, 0]), ([a, b], [1, 0])]:
            ta = m.taylor_adaptive([(s, 0.0 * s) for s in system], [9.0, 9.0])
            ta.propagate_until(1.0, callback=reducer)
            np.testing.assert_allclose(ta.state, [9.0 - TURN if reduced else 9.0 for reduced in expected], rtol=1e-14)
        variational = m.taylor_adaptive(m.var_ode_sys([(a, b), (b, -m.sin(a))], m.var_args.vars), [100.0, 0.0])
        variational.propagate_until(0.1, callback=reducer)
        assert variational.state[0] == pytest.approx(5.75475, abs=1e-5) and variational.state[2] > 0.9


def test_copies_pickles_and_ensembles(peer):
    for m in (hk, peer):
        reducer = m.callback.angle_reducer([m.make_vars("x")])
        for other in (copy.copy(reducer), copy.deepcopy(reducer), pickle.loads(pickle.dumps(reducer))):
            assert type(other) is type(reducer) and repr(other) == repr(reducer)
            ta = rotation(m)
            ta.propagate_until(10.0, callback=other)
            assert ta.state[0] == pytest.approx(20.5 % TURN)
        for ta, *_, callback in m.ensemble_propagate_until(rotation(m), 10.0, 2, lambda ta, i: ta, callback=reducer):
            assert ta.state[0] == pytest.approx(20.5 % TURN) and repr(callback) == repr(reducer)


def test_with_events(peer):
    """A pendulum that turns over, and where it passes an angle: which it does only in the first turn if not reduced."""
    times = []
    for m in (hk, peer):
        a, b = m.make_vars("x", "v")
        found = []
        for callback in (None, m.callback.angle_reducer([a])):
            times = []
            event = m.nt_event(a - 1.0, lambda ta, t, sign: times.append((t, sign)))
            ta = m.taylor_adaptive([(a, b), (b, -m.sin(a))], [0.0, 3.0], nt_events=[event])
            ta.propagate_until(9.0, callback=callback)
            found.append(times)
        assert len(found[0]) == 1 and len(found[1]) > 2
        assert found[1][0] == pytest.approx(found[0][0])
        periods = np.diff([t for t, _ in found[1]])
        np.testing.assert_allclose(periods, periods[0], rtol=1e-12)
