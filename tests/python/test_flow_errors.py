"""What flows refuse, with which words, and that nothing else is lost by it: arguments, cotangents, memory, trajectories
that end early beside those that go on."""

import re
from fractions import Fraction

import numpy as np
import pytest

import tayra as hk

X, V = hk.make_vars("x", "v")
PENDULUM = [(X, V), (V, -hk.par[0] * hk.sin(X) - hk.par[1] * V)]
X0 = np.array([[1.0, 0.5], [0.3, -0.2], [1.2, 0.1]])
TS = np.array([0.5, 1.0, 2.0])
PARS = np.array([1.3, 0.2])
CALLS = {
    "states": lambda f, *args: f(*args),
    "vjp": lambda f, *args: f.vjp(*args),
    "jvp": lambda f, *args: f.jvp(*args, (None, None, None)),
}


@pytest.fixture(scope="module")
def f():
    return hk.flow(PENDULUM, tol=1e-12, nthreads=1)


def many(a, m=3):
    return np.tile(a, (m, 1))


def changed(a, index, value):
    a = np.array(a)
    a[index] = value
    return a


BAD = {
    "x0 of three dimensions": ((X0[None], TS, PARS), "x0: expected an array of 1 or 2 dimensions, got shape (1, 3, 2)"),
    "x0 of too many states": ((np.ones(3), TS, PARS), "x0: expected shape (2,) or (M, 2), got (3,)"),
    "x0 transposed": ((X0.T, TS, PARS), "x0: expected shape (2,) or (M, 2), got (2, 3)"),
    "x0 without states": ((np.ones((3, 0)), TS, PARS), "x0: expected shape (2,) or (M, 2), got (3, 0)"),
    "x0 not finite": ((changed(X0, (1, 1), np.inf), TS, PARS), "x0[1, 1]: expected a finite number, got inf"),
    "no times": ((X0, [], PARS), "ts: expected at least one time, got shape (0,)"),
    "times of three dimensions": ((X0, TS[None, None], PARS), "ts: expected an array of 1 or 2 dimensions, got shape"),
    "times of others": ((X0, many(TS, 2), PARS), "expected as many x0, ts and pars, got shapes (3, 2), ("),
    "a time not a number": ((X0, changed(TS, 2, np.nan), PARS), "ts[2]: expected a finite number, got nan"),
    "a time infinite": ((X0, changed(TS, 2, np.inf), PARS), "ts[2]: expected a finite number, got inf"),
    "a time twice": ((X0, [0.0, 1.0, 1.0], PARS), "got 1 after 1 (trajectory 0, time 2)"),
    "the first time twice": ((X0, [1.0, 1.0, 2.0], PARS), "got 1 after 1 (trajectory 0, time 1)"),
    "times that turn back": ((X0, [0.0, 1.0, 0.5], PARS), "got 0.5 after 1 (trajectory 0, time 2)"),
    "times that turn forward": ((X0, [1.0, 0.0, 0.5], PARS), "got 0.5 after 0 (trajectory 0, time 2)"),
    "times of one trajectory": (
        (X0, changed(many(TS), (1, 2), 0.75), PARS),
        "times: expected strictly increasing or decreasing ones, got 0.75 after 1 (trajectory 1, time 2)",
    ),
    "a number": ((X0, TS, 1.0), "pars: expected shape (2,) or (M, 2), got (1,)"),
    "no parameters": ((X0, TS), "pars: expected shape (2,) or (M, 2), got (0,)"),
    "too many parameters": ((X0, TS, [1.0, 2.0, 3.0]), "pars: expected shape (2,) or (M, 2), got (3,)"),
    "parameters of others": ((X0, TS, many(PARS, 4)), "expected as many x0, ts and pars, got shapes (3, 2)"),
    "a parameter not finite": ((X0, TS, changed(many(PARS), (2, 0), np.nan)), "pars[2, 0]: expected a finite number"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", BAD)
def test_arguments(f, name, call):
    args, message = BAD[name]
    if call == "jvp" and len(args) == 2:
        args = *args, ()
    with pytest.raises(ValueError, match=re.escape(message)):
        CALLS[call](f, *args)


NO_NUMBERS = {
    "None": (None, "NoneType"),
    "text": ("ab", "str"),
    "texts": (["1", "2"], "list"),
    "complex numbers": ([1.0, 1j], "numbers of type complex128"),
    "an array of complex numbers": (np.array([1.0, 0j]), "numbers of type complex128"),
    "None among numbers": ([1.0, None], "list"),
    "rows of unequal length": ([[1.0, 2.0], [1.0]], "list"),
    "a dict": ({"a": 1.0}, "dict"),
    "dates": (np.array(["2020", "2021"], dtype="M8[Y]"), "ndarray"),
}


@pytest.mark.parametrize("name", ["x0", "ts", "pars"])
@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_what_has_no_real_numbers(f, name, bad):
    """An imaginary part is not dropped."""
    value, got = NO_NUMBERS[bad]
    args = {"x0": X0, "ts": TS, "pars": PARS, name: value}
    for call in CALLS.values():
        with pytest.raises(TypeError, match=f"^{name}: expected an array of real numbers, got {got}$"):
            call(f, *args.values())
    states, pullback = f.vjp(X0, TS, PARS)
    with pytest.raises(TypeError, match="^ybar: expected an array of real numbers, got numbers of type complex128$"):
        pullback(states * 1j)
    with pytest.raises(TypeError, match="^tangents, x0: expected an array of real numbers, got numbers of type complex128$"):
        f.jvp(X0, TS, PARS, (X0 * 1j, None, None))
    with pytest.raises(ValueError, match="^tangents: expected those of x0, ts and pars, got NoneType"):
        f.jvp(X0, TS, PARS, None)


def test_other_numbers(f):
    """Fractions, integers, single precision."""
    expected = f([0.5, 2.0], [0.0, 1.0], [1.0, 0.25])
    got = f([Fraction(1, 2), 2], np.array([0, 1]), np.array([1.0, 0.25], dtype=np.float32))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("options, error, message", [
    ({"order": 2000}, ValueError, "order: a number from 0 to 1000 was expected, not 2000"),
    ({"order": 1}, ValueError, "order: expected 0, or 2 to 1000, got 1"),
    ({"order": "4"}, TypeError, "order: an integer was expected, not '4'"),
    ({"nthreads": -1}, ValueError, "nthreads: a number from 0 to 4294967295 was expected, not -1"),
    ({"memory_limit": 1e9}, TypeError, "memory_limit: an integer was expected, not 1000000000.0"),
    ({"memory_limit": 2**70}, ValueError, f"memory_limit: a number from 0 to {2**63 - 1} was expected, not {2**70}"),
    ({"max_steps": -5}, ValueError, f"max_steps: a number from 0 to {2**63 - 1} was expected, not -5"),
    ({"tol": "1e-8"}, TypeError, "tol: a number was expected, not '1e-8'"),
    ({"execution": []}, ValueError, 'execution: one of None, "vm", "jit" was expected, not []'),
    ({"execution": 1}, ValueError, 'execution: one of None, "vm", "jit" was expected, not 1'),
    ({"precision": {}}, ValueError, 'precision: one of "mixed", "double" was expected, not {}'),
    ({"sys": []}, ValueError, "sys: at least one pair (variable, right-hand side) was expected, but there is none"),
])
def test_options(options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        hk.flow(**{"sys": PENDULUM, **options})


def test_many_threads():
    """More than there are is no error."""
    np.testing.assert_array_equal(hk.flow(PENDULUM, nthreads=100_000)(X0, TS, PARS), hk.flow(PENDULUM)(X0, TS, PARS))


def test_cotangents(f):
    """What is refused uses nothing up."""
    states, pullback = f.vjp(X0, TS, PARS)
    for bad in (states[0], states[:, :, 0], states[:, :2], states[:, :, :1], states.transpose(1, 0, 2)[:2], 1.0):
        with pytest.raises(ValueError, match=re.escape("ybar: expected the shape of the states, (3, 3, 2), got")):
            pullback(bad)
    bars = pullback(np.ones_like(states))
    assert [bar.shape for bar in bars] == [(3, 2), (3,), (2,)] and all(np.all(np.isfinite(bar)) for bar in bars)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="pulled already"):
            pullback(np.ones_like(states))
    single, pullback = f.vjp(X0[0], TS, PARS)
    with pytest.raises(ValueError, match=re.escape("(3, 2), got (3, 1, 2)")):
        pullback(single[:, None])


def test_one_time(f):
    """The states are the initial ones, whatever the time and the parameters."""
    states, pullback = f.vjp(X0, [0.5], PARS)
    ybar = np.arange(6.0).reshape(1, 3, 2)
    x0bar, tsbar, parsbar = pullback(ybar)
    assert np.array_equal(states[0], X0) and np.array_equal(x0bar, ybar[0])
    assert np.array_equal(tsbar, [0.0]) and np.array_equal(parsbar, [0.0, 0.0])


def test_tape_limit():
    """A limit too small for a step is refused before any work; without a tape it does not matter."""
    tiny = hk.flow(PENDULUM, tol=1e-12, memory_limit=1000)
    for _ in range(2):
        with pytest.raises(OverflowError, match="memory_limit: .*1000"):
            tiny.vjp(X0, TS, PARS)
    np.testing.assert_array_equal(tiny(X0, TS, PARS), hk.flow(PENDULUM, tol=1e-12)(X0, TS, PARS))
    assert np.all(np.isfinite(tiny.jvp(X0, TS, PARS, (X0, None, None))[1]))


# ---- trajectories that end early: x' = p x^2 is x0 / (1 - p x0 t), which is infinite at t = 1 / (p x0)

SQUARE = [(X, hk.par[0] * X * X)]
TIMES = np.array([0.0, 1.0, 1.75])


def starts(m, failing):
    x0 = np.random.default_rng(3).uniform(-0.5, 0.25, (m, 1))
    x0[failing] = 0.5  # at p = 1.25 this is infinite at t = 1.6
    return x0


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    "m, failing",
    [(1, [0]), (3, [1]), (9, [0, 8]), (200, [3, 4, 5, 77, 150, 199]), (60, [*range(60)])],
    ids=["1", "3", "9", "200", "all"],
)
def test_trajectories_that_end_early(m, failing, shared):
    """Some in a vector of lanes, some whose lane the next one takes, and all at once."""
    g = hk.flow(SQUARE, tol=1e-13)
    x0, p, reached = starts(m, failing), 1.25, np.ones((3, m), bool)
    reached[2, failing] = False
    ts, pars = (TIMES, np.array([p])) if shared else (many(TIMES, m), np.full((m, 1), p))
    with pytest.warns(RuntimeWarning, match=rf"^{len(failing)} of {m} traj.* first, {failing[0]}, at time 1\.[56]"):
        states, pullback = g.vjp(x0, ts, pars)
    z = 1 / (1 - p * x0[:, 0] * TIMES[:, None])
    np.testing.assert_allclose(states[reached, 0], (x0[:, 0] * z)[reached], rtol=1e-11)
    assert np.isnan(states[~reached, 0]).all()

    ybar = np.random.default_rng(4).normal(size=states.shape)
    with pytest.raises(RuntimeError, match=rf"^trajectory {failing[0]} ended at time 1\.[56]\d+: .* time 1.75 is not"):
        pullback(ybar)
    ybar[~reached] = 0
    x0bar, tsbar, parsbar = pullback(ybar)
    slopes = 1, p * x0.T**2, x0.T**2 * TIMES[:, None]
    by_x0, by_time, by_par = (np.where(reached, ybar[..., 0] * slope * z**2, 0.0) for slope in slopes)
    by_time[0] -= by_time.sum(axis=0)
    np.testing.assert_allclose(x0bar[:, 0], by_x0.sum(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(tsbar, by_time.sum(axis=1) if shared else by_time.T, rtol=1e-9, atol=1e-11)
    by_par = by_par.sum(axis=0)[:, None]
    np.testing.assert_allclose(parsbar, by_par.sum(axis=0) if shared else by_par, rtol=1e-9, atol=1e-11)


def test_right_hand_side_that_is_not_finite_at_once():
    """sqrt(x) where x < 0: the first step fails; the initial state is an output, which has its cotangent."""
    g = hk.flow([(X, hk.sqrt(X))], tol=1e-12)
    with pytest.warns(RuntimeWarning, match="1 of 3 .* the first, 1, at time 0.5"):
        states, pullback = g.vjp([[1.0], [-1.0], [4.0]], TS)
    assert states[0, 1, 0] == -1.0 and np.isnan(states[1:, 1]).all()
    np.testing.assert_allclose(states[:, 0, 0], (1 + (TS - 0.5) / 2) ** 2, rtol=1e-11)
    with pytest.raises(RuntimeError, match="trajectory 1 ended at time 0.5"):
        pullback(np.ones_like(states))
    ybar = np.ones_like(states)
    ybar[1:, 1] = 0
    x0bar = pullback(ybar)[0]
    exact = [np.sum((np.sqrt(x) + (TS - 0.5) / 2) / np.sqrt(x)) for x in (1.0, 4.0)]
    np.testing.assert_allclose(x0bar[:, 0], [exact[0], 1.0, exact[1]], rtol=1e-10)


def test_max_steps_names_the_time(f):
    g = hk.flow(PENDULUM, tol=1e-12, order=5, max_steps=3)
    with pytest.warns(RuntimeWarning, match=r"3 of 3 .* the first, 0, at time 0\.[5-9]"):
        states, pullback = g.vjp(X0, [0.5, 50.0], PARS)
    with pytest.raises(RuntimeError, match=r"trajectory 0 ended at time 0\.[5-9].* at time 50 is not zero"):
        pullback(np.ones_like(states))


def test_tangents_of_the_others():
    g = hk.flow(SQUARE, tol=1e-13)
    x0 = starts(9, [2])
    with pytest.warns(RuntimeWarning, match="1 of 9 .* the first, 2,"):
        states, dots = g.jvp(x0, TIMES, [1.25], (np.ones_like(x0), None, None))
    others = np.arange(9) != 2
    np.testing.assert_allclose(dots[:, others, 0], 1 / (1 - 1.25 * x0[others, 0] * TIMES[:, None]) ** 2, rtol=1e-10)
    assert np.isnan(dots[2, 2, 0]) and np.isfinite(dots[:2, 2]).all()
