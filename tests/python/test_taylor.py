"""The integrator: what it holds, steps, propagations, callbacks, outputs, copies, errors; beside peer and scipy."""

import copy
import gc
import math
import pickle

import numpy as np
import pytest

import tayra as hk

x, v = hk.make_vars("x", "v")
CIRCLE = [(x, v), (v, -x)]
O = hk.taylor_outcome


def circle(**kwargs):
    return hk.taylor_adaptive(CIRCLE, [1.0, 0.0], **kwargs)


def test_properties(oscillator):
    ta = hk.taylor_adaptive(oscillator, [1.0, 0.5], time=3, pars=[2.0], tol=1e-9, compact_mode=True, high_accuracy=True)
    assert (ta.dim, ta.order, ta.tol, ta.time, ta.dtime) == (2, 12, 1e-9, 3.0, (3.0, 0.0))
    assert (
        ta.compact_mode is True and ta.high_accuracy is True and ta.with_events is False and ta.is_variational is False
    )
    assert ta.sys == oscillator and ta.n_orig_sv == 2 and ta.last_h == 0.0
    assert list(ta.state) == [1.0, 0.5] and list(ta.pars) == [2.0]
    assert ta.tc.shape == (2, 13) and not ta.tc.any() and not ta.d_output.any()
    assert len(ta.decomposition) > 0
    text = repr(ta)
    for line in ("Tolerance               : 1e-09", "Taylor order            : 12", "Time                    : 3",
                 "State                   : [1, 0.5]", "Parameters              : [2]"):  # fmt: skip
        assert line in text.splitlines()


@pytest.mark.parametrize("tol, order", [(0.0, 20), (1e-18, 22), (1e-8, 11), (1.0, 2), (10, 2), (1e-300, 347)])
def test_order(tol, order):
    assert circle(tol=tol).order == order


def test_default_state():
    for ta in (hk.taylor_adaptive(CIRCLE), hk.taylor_adaptive(CIRCLE, None), hk.taylor_adaptive(CIRCLE, [])):
        assert list(ta.state) == [0.0, 0.0]


def test_views_are_the_integrators_memory(oscillator):
    ta = hk.taylor_adaptive(oscillator, [1.0, 0.0])
    state, pars, tc = ta.state, ta.pars, ta.tc
    assert list(pars) == [0.0]
    state[:] = [3.0, 4.0]
    ta.pars[0] = 1.0
    assert list(ta.state) == [3.0, 4.0] and list(ta.pars) == [1.0]
    ta.propagate_until(2.0)
    expected = [3 * math.cos(2) + 4 * math.sin(2), -3 * math.sin(2) + 4 * math.cos(2)]
    np.testing.assert_allclose(state, expected, rtol=1e-14)
    for array in (ta.tc, ta.d_output):
        with pytest.raises(ValueError):
            array[...] = 1.0
    del ta
    gc.collect()
    np.testing.assert_allclose(state, expected, rtol=1e-14)  # the views keep the memory
    assert tc.shape == (2, 21) and pars[0] == 1.0
    for name in ("state", "pars", "tol", "order", "tc"):
        with pytest.raises(AttributeError):
            setattr(circle(), name, 1)


def test_time():
    ta = circle()
    ta.time = 3
    assert ta.time == 3.0 and ta.dtime == (3.0, 0.0)
    ta.dtime = (1.0, 1e-20)
    assert ta.dtime == (1.0, 1e-20) and isinstance(ta.dtime, tuple)
    ta.dtime = [2.0, 1e-20]
    assert ta.dtime == (2.0, 1e-20)
    ta.dtime = np.array([1.0, 1e-20])
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError):
            ta.time = bad
    for bad in ((1.0, 2.0), (1.0, math.nan), (math.inf, 0.0)):
        with pytest.raises(ValueError):
            ta.dtime = bad
    for bad in ("a", None):
        with pytest.raises(TypeError):
            ta.time = bad
    for bad in (3.0, (1.0,), (1.0, 0.0, 0.0), ("a", 1.0), "ab"):
        with pytest.raises(TypeError):
            ta.dtime = bad
    assert ta.dtime == (1.0, 1e-20)


def test_steps():
    ta = circle()
    outcome, h = ta.step()
    assert outcome is O.success and h == ta.last_h == ta.time > 0.5
    np.testing.assert_allclose(ta.state, [math.cos(h), -math.sin(h)], rtol=1e-15)
    assert ta.step(1e-3) == (O.time_limit, 1e-3) == ta.step(max_delta_t=1e-3)
    assert ta.step(max_delta_t=-0.1) == (O.time_limit, -0.1) and ta.last_h == -0.1
    assert ta.step(max_delta_t=0.0) == (O.time_limit, 0.0)
    assert ta.step(write_tc=True)[0] is O.success and ta.step(True)[0] is O.success
    outcome, h = ta.step_backward()
    assert outcome is O.success and h < -0.5
    assert ta.step_backward(write_tc=True)[1] < 0
    with pytest.raises(ValueError):
        ta.step(max_delta_t=math.nan)
    with pytest.raises(TypeError):
        ta.step("a")


def test_taylor_coefficients():
    ta = circle()
    ta.step(write_tc=True)
    expected = [(-1) ** (k // 2) / math.factorial(k) if k % 2 == 0 else 0.0 for k in range(21)]
    np.testing.assert_allclose(ta.tc[0], expected, rtol=1e-15, atol=1e-30)
    np.testing.assert_allclose(ta.tc[1, :-1], np.arange(1, 21) * ta.tc[0, 1:], rtol=1e-15, atol=1e-30)


def test_dense_output():
    ta = circle()
    _, h = ta.step()
    for t in (0.0, 0.3 * h, h):
        np.testing.assert_allclose(ta.update_d_output(t), [math.cos(t), -math.sin(t)], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(
            ta.update_d_output(t - h, rel_time=True), [math.cos(t), -math.sin(t)], rtol=1e-14, atol=1e-15
        )
    assert np.array_equal(ta.d_output, ta.update_d_output(t=0.0, rel_time=True))
    np.testing.assert_allclose(ta.d_output, ta.state, rtol=1e-14)


def test_propagation_results():
    ta = circle()
    outcome, low, high, n, output, callback = ta.propagate_until(10.0)
    assert outcome is O.time_limit and 0.9 < low <= high < 1.1 and n == 10 and output is None and callback is None
    assert ta.time == 10.0
    np.testing.assert_allclose(ta.state, [math.cos(10), -math.sin(10)], rtol=1e-13)
    assert ta.propagate_until(10.0) == (O.time_limit, math.inf, 0.0, 0, None, None)
    assert ta.propagate_for(0.0)[3] == 0
    outcome, low, high, n, *_ = ta.propagate_until(20.0, max_delta_t=0.5)
    assert (outcome, low, high, n) == (O.time_limit, math.inf, 0.0, 20)
    assert ta.propagate_until(100.0, max_steps=2)[0] is O.step_limit
    ta.propagate_until(0.0)
    np.testing.assert_allclose(ta.state, [1, 0], rtol=0, atol=1e-12)
    assert ta.propagate_for(delta_t=-1.0)[0] is O.time_limit and ta.time == -1.0
    assert ta.propagate_until(1.0, 5, 0.1)[3] == 5


@pytest.mark.parametrize(
    "error, arguments",
    [
        (ValueError, dict(t=math.nan)),
        (ValueError, dict(t=math.inf)),
        (TypeError, dict(t="a")),
        (TypeError, dict(t=1.0, max_steps=-2)),
        (TypeError, dict(t=1.0, max_steps=1.5)),
        (ValueError, dict(t=1.0, max_delta_t=0.0)),
        (ValueError, dict(t=1.0, max_delta_t=-0.5)),
        (ValueError, dict(t=1.0, max_delta_t=math.nan)),
        (TypeError, dict(t=1.0, callback=3)),
        (TypeError, dict(t=1.0, callback=[lambda ta: True, 3])),
        (TypeError, dict(t=1.0, unknown=3)),
    ],
)
def test_wrong_propagations(peer, error, arguments):
    ta = circle()
    with pytest.raises(error):
        ta.propagate_until(**arguments)
    assert ta.time == 0.0 and list(ta.state) == [1.0, 0.0]
    a, b = peer.make_vars("x", "v")
    with pytest.raises(error):
        peer.taylor_adaptive([(a, b), (b, -a)], [1.0, 0.0]).propagate_until(**arguments)


def test_grid():
    ta = circle()
    grid = np.linspace(0, 20, 101)
    outcome, low, high, n, callback, states = ta.propagate_grid(grid)
    assert outcome is O.time_limit and low <= high and n >= 19 and callback is None
    assert states.shape == (101, 2) and states.flags.c_contiguous
    np.testing.assert_allclose(states, np.array([np.cos(grid), -np.sin(grid)]).T, rtol=0, atol=1e-14)
    assert ta.time == 20.0 and np.array_equal(ta.state, states[-1])
    backward = ta.propagate_grid(grid[::-1])[5]
    np.testing.assert_allclose(backward, states[::-1], rtol=0, atol=1e-13)
    assert np.array_equal(ta.propagate_grid([0.0])[5], [ta.state])
    assert ta.propagate_grid(grid=(0, 1))[5].shape == (2, 2)
    outcome, _, _, n, _, states = ta.propagate_grid([ta.time, 1.5, 100.0], max_steps=3)
    assert outcome is O.step_limit and n == 3 and states.shape == (2, 2)


@pytest.mark.parametrize(
    "grid", [[], [1.0, 2.0], [0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, math.nan], [math.nan], [0.0, math.inf]]
)
def test_unsuitable_grids(grid):
    ta = circle()
    with pytest.raises(ValueError):
        ta.propagate_grid(grid)
    assert ta.time == 0.0 and list(ta.state) == [1.0, 0.0]


@pytest.mark.parametrize("grid", [6.5, ["a"], [[0.0, 1.0]], np.zeros((1, 2)), None])
def test_grids_of_other_types(grid):
    with pytest.raises(TypeError):
        circle().propagate_grid(grid)


def test_non_finite_state():
    """The propagation ends before the singularity of x' = x^2, with the rows that were reached."""
    ta = hk.taylor_adaptive([(x, x * x)], [1.0])
    outcome, *_, states = ta.propagate_grid([0.0, 0.5, 0.9, 2.0, 3.0])
    assert outcome is O.err_nf_state and states.shape == (3, 1)
    np.testing.assert_allclose(states[:, 0], [1, 2, 10], rtol=1e-13)
    assert ta.time < 1.0 + 1e-14 and np.isfinite(ta.state).all()
    ta.state[0] = math.nan
    assert ta.step()[0] is O.err_nf_state and ta.propagate_for(1.0)[0] is O.err_nf_state


class Counter:
    def __init__(self):
        self.calls, self.hooks = [], []

    def pre_hook(self, ta):
        self.hooks.append(ta.time)

    def __call__(self, ta):
        self.calls.append((ta, ta.time))
        return True


def test_callbacks():
    ta, counter = circle(), Counter()
    *_, n, output, callback = ta.propagate_until(3.0, callback=counter)
    assert callback is counter and counter.hooks == [0.0] and len(counter.calls) == n
    assert all(owner is ta for owner, _ in counter.calls) and counter.calls[-1][1] == 3.0
    assert ta.propagate_until(9.0, callback=lambda ta: False)[0] is O.cb_stop and ta.time < 9.0
    assert ta.propagate_for(3.0, max_steps=1, callback=lambda ta: None)[0] is O.cb_stop
    for truth in (1, True, np.bool_(True), 2.5):
        assert ta.propagate_for(1.0, callback=lambda ta: truth)[0] is O.time_limit
    for nonsense in ("a", np.array([1, 2]), object()):
        with pytest.raises(TypeError):
            ta.propagate_for(1.0, callback=lambda ta: nonsense)


def test_callback_lists():
    ta, a, b = circle(), Counter(), Counter()
    result = ta.propagate_for(3.0, callback=(a, lambda ta: False, b))
    assert result[0] is O.cb_stop and isinstance(result[5], list) and result[5][0] is a
    assert len(a.calls) == len(b.calls) == 1 and len(b.hooks) == 1
    assert ta.propagate_for(1.0, callback=[])[5] == []
    grid_result = ta.propagate_grid([ta.time, ta.time + 20.0], callback=a)
    assert grid_result[4] is a and grid_result[5].shape == (2, 2)


def test_exceptions_of_callbacks():
    ta = circle()
    with pytest.raises(ZeroDivisionError):
        ta.propagate_until(5.0, callback=lambda ta: 1 / 0)
    t = ta.time
    assert 0 < t < 2  # after one whole step
    np.testing.assert_allclose(ta.state, [math.cos(t), -math.sin(t)], rtol=1e-14)
    with pytest.raises(TypeError):
        ta.propagate_until(5.0, callback=lambda: True)
    with pytest.raises(ZeroDivisionError):
        ta.propagate_grid([ta.time, 20.0], callback=lambda ta: 1 / 0)
    assert ta.propagate_until(5.0)[0] is O.time_limit


def test_callbacks_may_change_state_but_not_time():
    ta = circle()

    def damp(ta):
        ta.state[:] *= 0.5
        ta.update_d_output(ta.time)
        return True

    *_, n, _, _ = ta.propagate_until(5.0, callback=damp)
    assert np.hypot(*ta.state) == pytest.approx(0.5**n, rel=1e-13)

    def jump(ta):
        ta.time = 17.0
        return True

    with pytest.raises(RuntimeError):
        ta.propagate_for(3.0, callback=jump)
    for advance in (
        lambda ta: ta.step(),
        lambda ta: ta.propagate_for(1.0),
        lambda ta: ta.propagate_grid([ta.time, 50.0]),
    ):
        with pytest.raises(RuntimeError):
            ta.propagate_for(3.0, callback=advance)
    assert ta.propagate_for(1.0)[0] is O.time_limit


def test_continuous_output():
    ta = circle()
    output = ta.propagate_until(10.0, c_output=True)[4]
    assert output.bounds == (0.0, 10.0) and output.n_steps == 10
    assert output.times.shape == (11,) and output.times[0] == 0.0 and output.times[-1] == 10.0
    assert output.tcs.shape == (10, 2, 21)
    np.testing.assert_allclose(output.tcs[-1], ta.tc, rtol=0, atol=0)
    times = np.linspace(0, 10, 301)
    np.testing.assert_allclose(output(times), np.array([np.cos(times), -np.sin(times)]).T, rtol=0, atol=1e-14)
    for t in (1.0, 1, np.float64(1.0)):
        np.testing.assert_allclose(output(t), [math.cos(1), -math.sin(1)], rtol=1e-14)
    assert (
        np.array_equal(output.output, output(1.0)) and output([1, 2.0]).shape == (2, 2) and output([]).shape == (0, 2)
    )
    assert "Direction   : forward\nTime range  : [0.0, 10.0)\nN of steps  : 10\n" in repr(output)
    for other in (copy.copy(output), copy.deepcopy(output)):
        del output
        output = other
        assert np.array_equal(other(1.0), other([1.0])[0])
    for bad in (math.nan, [1.0, math.nan], [[1.0]]):
        with pytest.raises(ValueError):
            output(bad)
    with pytest.raises(TypeError):
        output("a")
    with pytest.raises(ValueError):
        output.times[0] = 1.0
    backward = ta.propagate_until(5.0, c_output=True)[4]
    assert backward.bounds == (10.0, 5.0)
    assert "Direction   : backward\nTime range  : (5.0, 10.0]\n" in repr(backward)
    np.testing.assert_allclose(backward(7.0), [math.cos(7), -math.sin(7)], rtol=1e-13)
    for call in (lambda c: c(1.0), lambda c: c.bounds, lambda c: c.times):
        with pytest.raises(ValueError):
            call(hk.continuous_output_dbl())


@pytest.mark.parametrize(
    "error, arguments",
    [
        (ValueError, dict(sys=[], state=[])),
        (ValueError, dict(sys=[(x, v)], state=[1.0])),
        (ValueError, dict(sys=[(x, v), (x, v)])),
        (ValueError, dict(sys=[(x, x), (hk.par[0], x)])),
        (ValueError, dict(state=[1.0])),
        (ValueError, dict(state=[1.0, 2.0, 3.0])),
        (ValueError, dict(tol=-1.0)),
        (ValueError, dict(tol=math.nan)),
        (ValueError, dict(tol=math.inf)),
        (ValueError, dict(pars=[1.0])),
        (TypeError, dict(sys=1)),
        (TypeError, dict(sys=x)),
        (TypeError, dict(sys=[(x,)])),
        (TypeError, dict(sys=[(x, x, x)])),
        (TypeError, dict(sys=[(x, 1.0)])),
        (TypeError, dict(sys=[("x", x)])),
        (TypeError, dict(state=["a", 1.0])),
        (TypeError, dict(state=[[1.0, 2.0]])),
        (TypeError, dict(state=1.0)),
        (TypeError, dict(tol="a")),
        (TypeError, dict(tol=None)),
        (TypeError, dict(time="a")),
        (TypeError, dict(time=None)),
        (TypeError, dict(pars=["a"])),
        (TypeError, dict(unknown=1)),
        (TypeError, dict(fp_type=int)),
    ],
)
def test_wrong_integrators(peer, error, arguments):
    with pytest.raises(error):
        hk.taylor_adaptive(**{"sys": CIRCLE, "state": [1.0, 2.0], **arguments})
    a, b = peer.make_vars("x", "v")
    theirs = {"sys": [(a, b), (b, -a)], "state": [1.0, 2.0], **arguments}
    if "sys" not in arguments:
        with pytest.raises(error):
            peer.taylor_adaptive(**theirs)


def test_errors_of_our_own():
    with pytest.raises(TypeError, match="^tol: a number was expected, not None$"):
        hk.taylor_adaptive(CIRCLE, [1.0, 0.0], tol=None)
    for arguments in (dict(state=[1.0, math.nan]), dict(state=[math.inf, 1.0]), dict(state=[1.0, 0.0], time=math.nan)):
        with pytest.raises(ValueError):
            hk.taylor_adaptive(CIRCLE, **arguments)
    for count in (1, 4):
        with pytest.raises(ValueError):
            hk.taylor_adaptive([(x, hk.par[2] * x)], [1.0], pars=[1.0] * count)
    for fp_type in (np.float32, np.longdouble):
        with pytest.raises(NotImplementedError):
            circle(fp_type=fp_type)
        with pytest.raises(NotImplementedError):
            hk.t_event(x, fp_type=fp_type)
    for make in (lambda e: hk.taylor_adaptive([(x, e)], [1.0]), lambda e: hk.cfunc([e], [x])):
        with pytest.raises(OverflowError):
            make(hk.par[2**31 - 2] * x)


def test_ignored_keywords():
    circle(compact_mode=True, parallel_mode=True, opt_level=2, force_avx512=False, slp_vectorize=True, fast_math=True,
           code_model=hk.code_model.small, parjit=False, prec=0, t_events=[], nt_events=[])  # fmt: skip


def test_not_variational():
    ta = circle()
    for call in (
        lambda: ta.vargs,
        lambda: ta.vorder,
        lambda: ta.tstate,
        lambda: ta.get_vslice(1),
        lambda: ta.get_mindex(0),
    ):
        with pytest.raises(ValueError):
            call()


def test_copies_and_pickles(oscillator):
    ta = hk.taylor_adaptive(oscillator, [1.0, 0.5], pars=[2.0], tol=1e-12, high_accuracy=True, compact_mode=True)
    ta.note = ["mine"]
    ta.propagate_until(1.5)
    copies = [copy.copy(ta), copy.deepcopy(ta), pickle.loads(pickle.dumps(ta))]
    assert copies[0].note is ta.note and copies[1].note == ta.note and copies[1].note is not ta.note
    assert all(np.array_equal(c.tc, ta.tc) and c.last_h == ta.last_h for c in copies[:2])
    ta.propagate_until(7.0)
    for other in copies:
        assert other.dtime == (1.5, 0.0) and other.sys == ta.sys and list(other.pars) == [2.0]
        assert (other.tol, other.order, other.high_accuracy, other.compact_mode) == (1e-12, ta.order, True, True)
        other.propagate_until(7.0)
        assert np.array_equal(other.state, ta.state) and other.note == ["mine"]


def test_outcomes(peer):
    for outcome in O:
        theirs = getattr(peer.taylor_outcome, outcome.name)
        assert int(outcome) == int(theirs) and repr(outcome) == repr(theirs) and str(outcome) == str(theirs)
    assert O.success != 0 and pickle.loads(pickle.dumps(O.success)) is O.success


SYSTEMS = {
    "pendulum": lambda m: (m.model.pendulum(), [0.5, 0.1], []),
    "three bodies": lambda m: (
        m.model.nbody(3, masses=[1.0, 1e-3, 2e-3]),
        [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 2.1, 0.1, -0.7, 0, 0.05],
        [],
    ),
    "lorenz": lambda m: (_lorenz(m), [1.0, 1.0, 1.0], [10.0, 28.0, 8 / 3]),
    "driven": lambda m: (_driven(m), [0.1, 0.2], [0.3]),
}


def _lorenz(m):
    a, b, c = m.make_vars("a", "b", "c")
    return [(a, m.par[0] * (b - a)), (b, a * (m.par[1] - c) - b), (c, a * b - m.par[2] * c)]


def _driven(m):
    a, b = m.make_vars("a", "b")
    return [(a, b), (b, m.cos(m.time) - m.par[0] * b - m.sin(a) + m.tanh(a * b) / (1.0 + a**2))]


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("tol, duration, tolerance", [(2.0**-52, 3.0, 3e-13), (1e-8, 3.0, 3e-13)])
def test_trajectories_as_the_peer(peer, name, tol, duration, tolerance):
    """The same steps and states: order and step size follow the same formulas."""
    results = []
    for module in (hk, peer):
        sys, state, pars = SYSTEMS[name](module)
        ta = module.taylor_adaptive(sys, [float(s) for s in state], pars=pars, tol=tol, compact_mode=True)
        n = ta.propagate_until(duration)[3]
        results.append((n, ta.state.copy()))
    assert results[0][0] == results[1][0]
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", SYSTEMS)
def test_trajectories_as_scipy(name):
    from scipy.integrate import solve_ivp

    sys, state, pars = SYSTEMS[name](hk)
    state = [float(s) for s in state]
    f = hk.cfunc([rhs for _, rhs in sys], [var for var, _ in sys])
    ta = hk.taylor_adaptive(sys, state, pars=pars)
    grid = np.linspace(0, 3, 13)
    ours = ta.propagate_grid(grid)[5]
    theirs = solve_ivp(
        lambda t, s: f(s, pars=pars, time=t), (0, 3), state, method="DOP853", t_eval=grid, rtol=3e-14, atol=1e-14
    )
    np.testing.assert_allclose(ours, theirs.y.T, rtol=3e-10, atol=3e-10)


def test_energy_is_conserved():
    sys = hk.model.nbody(3, masses=[1.0, 1e-3, 2e-3])
    energy = hk.cfunc([hk.model.nbody_energy(3, masses=[1.0, 1e-3, 2e-3])], [var for var, _ in sys])
    state = SYSTEMS["three bodies"](hk)[1]
    ta = hk.taylor_adaptive(sys, [float(s) for s in state])
    before = energy(ta.state.copy())[0]
    ta.propagate_until(1000.0)
    assert energy(ta.state.copy())[0] == pytest.approx(before, rel=5e-14)
    ta.propagate_until(0.0)
    np.testing.assert_allclose(ta.state, state, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n", [1, 3, 8, 33])
def test_many_equal_rows_are_one(n):
    """Equations that are copies of one another go through loops: they give what one gives."""

    def equations(i):
        a, b = hk.make_vars(f"a{i}", f"b{i}")
        return [(a, b), (b, hk.cos(hk.time) - hk.par[0] * b - hk.sin(a) + hk.tanh(a * b) / (1.0 + a**2))]

    one = hk.taylor_adaptive(equations(0), [0.1, 0.2], pars=[0.3])
    many = hk.taylor_adaptive([e for i in range(n) for e in equations(i)], [0.1, 0.2] * n, pars=[0.3])
    one.propagate_until(5.0)
    many.propagate_until(5.0)
    np.testing.assert_allclose(many.state.reshape(n, 2), np.tile(one.state, (n, 1)), rtol=3e-14)
    assert many.last_h == pytest.approx(one.last_h, rel=1e-9)
