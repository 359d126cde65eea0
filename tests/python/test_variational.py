"""Variational equations: order of the state, initial values, values against the peer and differences, Taylor maps."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import tayra as hk

x, v = hk.make_vars("x", "v")
A = hk.var_args


def driven(m):
    a, b = m.make_vars("x", "v")
    return [(a, b), (b, m.cos(m.time) - m.par[0] * m.sin(a) - m.par[1] * a * b)]


PARS = [1.3, 0.2]
STATE = [0.4, -0.3]


def integrator(m, args, order=1, state=STATE, **kwargs):
    return m.taylor_adaptive(m.var_ode_sys(driven(m), args, order), state, pars=PARS, compact_mode=True, **kwargs)


def flow(state, pars, begin, end):
    ta = hk.taylor_adaptive(driven(hk), state, pars=pars, time=begin)
    ta.propagate_until(end)
    return ta.state.copy()


@pytest.mark.parametrize(
    "which, order",
    [(w, o) for w in ("vars", "params", "time", "all") for o in (1, 2) if not (o == 2 and w in ("time", "all"))]
    + [("vars", 3)],
)
def test_as_the_peer(peer, which, order):
    ours, theirs = (integrator(m, getattr(m.var_args, which), order, time=0.25) for m in (hk, peer))
    assert (ours.dim, ours.order, ours.n_orig_sv, ours.vorder) == (theirs.dim, theirs.order, 2, order)
    assert ours.is_variational and list(map(str, ours.vargs)) == list(map(str, theirs.vargs))
    assert [str(e) for e, _ in ours.sys] == [str(e) for e, _ in theirs.sys]
    np.testing.assert_allclose(ours.state, theirs.state, rtol=1e-15)
    for i in np.arange(ours.dim):
        assert ours.get_mindex(i) == theirs.get_mindex(i)
    for o, c in itertools.product(range(order + 2), [None, 0, 1, 2]):
        assert ours.get_vslice(o, c) == theirs.get_vslice(o, c)
    assert ours.propagate_until(2.0)[3] == theirs.propagate_until(2.0)[3]
    np.testing.assert_allclose(ours.state, theirs.state, rtol=1e-12, atol=1e-12)
    change = np.linspace(0.01, 0.02, len(ours.vargs))
    np.testing.assert_allclose(ours.eval_taylor_map(change), theirs.eval_taylor_map(change), rtol=1e-12)
    assert np.array_equal(ours.tstate, ours.eval_taylor_map(list(change)))


@pytest.mark.parametrize("execution", ["vm", "jit"])
@pytest.mark.parametrize("which, order", [("vars", 6), ("params", 5)])
def test_high_orders(peer, which, order, execution):
    """Hundreds of groups of a few members, which run in whole series, between stages that feed back."""
    ours = integrator(hk, getattr(A, which), order, time=0.25, execution=execution)
    theirs = integrator(peer, getattr(peer.var_args, which), order, time=0.25)
    assert ours.execution == execution
    assert ours.propagate_until(1.0)[3] == theirs.propagate_until(1.0)[3]
    for o in range(order + 1):
        part = ours.get_vslice(o)
        expected = theirs.state[part]
        np.testing.assert_allclose(ours.state[part], expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_against_differences():
    ta = integrator(hk, A.all)
    ta.propagate_until(2.0)
    jacobian = ta.state[ta.get_vslice(1)].reshape(2, -1)
    base = np.array(STATE + PARS + [0.0])
    eps = 1e-5
    for k in range(5):
        ends = []
        for sign in (1, -1):
            p = base.copy()
            p[k] += sign * eps
            ends.append(flow(p[:2], p[2:4], p[4], 2.0))
        np.testing.assert_allclose(jacobian[:, k], (ends[0] - ends[1]) / (2 * eps), rtol=2e-8, atol=1e-9)


@pytest.mark.parametrize("order, power", [(1, 2), (2, 3), (3, 4)])
def test_taylor_map_converges(order, power):
    """The error of the map of an order falls with that power of the change."""
    ta = integrator(hk, [x, hk.par[0], v], order)
    ta.propagate_until(1.5)
    errors = []
    for size in (0.04, 0.02):
        change = size * np.array([1.0, -0.5, 0.75])
        exact = flow([STATE[0] + change[0], STATE[1] + change[2]], [PARS[0] + change[1], PARS[1]], 0.0, 1.5)
        errors.append(np.abs(ta.eval_taylor_map(change) - exact).max())
    assert errors[0] / errors[1] == pytest.approx(2**power, rel=0.2)


def test_initial_time_in_second_order():
    """Second derivatives with respect to the initial time: their initial values are set here."""
    ta = integrator(hk, [hk.time, x], 2, time=0.1)
    ta.propagate_until(1.0)
    eps = 1e-3
    f = {s: flow(STATE, PARS, 0.1 + s * eps, 1.0) for s in (-1, 0, 1)}
    second = (f[1] - 2 * f[0] + f[-1]) / eps**2
    begin = [ta.get_mindex(i) for i in range(ta.dim)]
    values = [ta.state[begin.index([c, 2, 0])] for c in (0, 1)]
    np.testing.assert_allclose(values, second, rtol=1e-5, atol=1e-5)


def test_arguments():
    sys = driven(hk)
    assert hk.var_ode_sys(sys, A.vars | A.params).vargs == [x, v, hk.par[0], hk.par[1]]
    assert hk.var_ode_sys(sys, A.all).vargs == [x, v, hk.par[0], hk.par[1], hk.time]
    assert hk.var_ode_sys(sys, [hk.par[1], x, hk.time]).vargs == [hk.par[1], x, hk.time]
    assert hk.var_ode_sys(sys=sys, args=(x, v), order=1).n_orig_sv == 2
    assert (A.vars | A.params | A.time) == A.all and A(3) == A.vars | A.params
    assert [a.value for a in A] == [1, 2, 4]


@pytest.mark.parametrize(
    "error, arguments",
    [
        (ValueError, dict(args=[x, x])),
        (ValueError, dict(args=[])),
        (ValueError, dict(args=[hk.expression("z")])),
        (ValueError, dict(args=[x * v])),
        (ValueError, dict(args=A(0))),
        (ValueError, dict(order=0)),
        (ValueError, dict(sys=[(x, v), (v, x)], args=A.params)),
        (ValueError, dict(sys=[])),
        (ValueError, dict(sys=[(x, v), (x, v)])),
        (ValueError, dict(sys=[(x, v)])),
        (TypeError, dict(order=-1)),
        (TypeError, dict(order="a")),
        (TypeError, dict(args=x)),
        (TypeError, dict(args=1)),
        (TypeError, dict(args=[1.0])),
        (TypeError, dict(sys=1)),
    ],
)
def test_errors(error, arguments):
    with pytest.raises(error):
        hk.var_ode_sys(**{"sys": driven(hk), "args": A.vars, **arguments})


def test_states():
    system = hk.var_ode_sys(driven(hk), A.vars)
    assert list(hk.taylor_adaptive(system, STATE).state) == STATE + [1, 0, 0, 1]
    assert list(hk.taylor_adaptive(system).state) == [0, 0, 1, 0, 0, 1]
    assert list(hk.taylor_adaptive(system, range(6)).state) == [0, 1, 2, 3, 4, 5]
    for n in (1, 3, 5, 7):
        with pytest.raises(ValueError):
            hk.taylor_adaptive(system, [1.0] * n)
    # The derivative with respect to the initial time is minus the right-hand side.
    with_time = hk.taylor_adaptive(hk.var_ode_sys(driven(hk), A.time), STATE, pars=PARS, time=0.5)
    rhs = np.cos(0.5) - PARS[0] * np.sin(STATE[0]) - PARS[1] * STATE[0] * STATE[1]
    np.testing.assert_allclose(with_time.state, STATE + [-STATE[1], -rhs], rtol=1e-15)


def test_errors_of_taylor_maps():
    ta = integrator(hk, A.vars)
    for error, inputs in [
        (ValueError, [0.1]),
        (ValueError, np.zeros((1, 2))),
        (ValueError, np.zeros(4)[::2]),
        (ValueError, "ab"),
        (TypeError, np.array([1, 2])),
        (TypeError, 1.0),
    ]:
        with pytest.raises(error):
            ta.eval_taylor_map(inputs)
    with pytest.raises(ValueError):
        ta.tstate[0] = 1.0
    with pytest.raises(ValueError):
        ta.get_mindex(1000)
    slices = ((-1,), (1, -1), (2**32 + 1,))
    for call in (lambda: ta.get_mindex(-1), *(lambda s=s: ta.get_vslice(*s) for s in slices)):
        with pytest.raises(TypeError):
            call()


def test_copies_and_pickles():
    system = hk.var_ode_sys(driven(hk), [hk.par[0], hk.time], 2)
    for other in (copy.copy(system), copy.deepcopy(system), pickle.loads(pickle.dumps(system))):
        assert other.sys == system.sys and other.vargs == system.vargs and other.order == 2
    ta = integrator(hk, A.vars)
    ta.propagate_until(1.0)
    others = [copy.copy(ta), copy.deepcopy(ta), pickle.loads(pickle.dumps(ta))]
    ta.propagate_until(2.0)
    for other in others:
        other.propagate_until(2.0)
        assert np.array_equal(other.state, ta.state) and other.vargs == ta.vargs and other.vorder == 1
        assert np.array_equal(other.eval_taylor_map([0.1, 0.2]), ta.eval_taylor_map([0.1, 0.2]))
    assert "Variational order       : 1" in repr(ta)
