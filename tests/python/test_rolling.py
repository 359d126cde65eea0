"""Equations go through loops where they look alike: random systems, in many copies and alone, must give the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tayra as hk
from graphs import VARIABLES, recipes, symbolic

START = [0.25, -0.5, 0.75]
PARS = [0.5, -0.25, 1.5]


def system(recipe_list, suffix):
    """One equation for each variable; the sine keeps every solution within bounds."""
    names = {name: name + suffix for name in VARIABLES}
    rhs = hk.rename_variables([hk.sin(symbolic(hk, r)) for r in recipe_list], names)
    return list(zip(hk.make_vars(*names.values()), rhs))


def used_pars(equations):
    n = 1 + max([-1] + [int(str(p)[1:]) for p in hk.get_params([rhs for _, rhs in equations])])
    return PARS[:n]


@given(st.lists(recipes, min_size=3, max_size=3), st.sampled_from([2, 3, 5, 9]))
def test_copies_are_alike(recipe_list, n):
    one = hk.taylor_adaptive(system(recipe_list, ""), START, time=0.5)
    many = hk.taylor_adaptive([e for i in range(n) for e in system(recipe_list, str(i))], START * n, time=0.5)
    for ta in (one, many):
        ta.pars[:] = used_pars(ta.sys)
        ta.step(max_delta_t=0.5)
    tc = many.tc.reshape(n, 3, -1)
    scale = np.abs(one.tc).max(axis=0)
    assert np.all(np.abs(tc - one.tc) <= 1e-13 * scale)
    np.testing.assert_allclose(many.state.reshape(n, 3), np.tile(one.state, (n, 1)), rtol=1e-13, atol=1e-13)


@given(st.lists(recipes, min_size=3, max_size=3))
def test_jets_are_derivatives(recipe_list):
    """The second and third Taylor coefficients by symbolic derivatives along the solution."""
    equations = system(recipe_list, "")
    ta = hk.taylor_adaptive(equations, START, time=0.5, pars=used_pars(equations))
    ta.step(max_delta_t=0.5)
    # Time as one more variable: d/dt of e is the sum of de/dv times v' over the variables, with t' = 1.
    clock = hk.expression("clock")
    pairs = [(v, hk.subs(rhs, {hk.time: clock})) for v, rhs in equations] + [(clock, hk.expression(1.0))]
    first = [rhs for _, rhs in pairs[:3]]

    def along(fn):
        return [hk.sum([hk.diff(e, v) * rhs for v, rhs in pairs]) for e in fn]

    second = along(first)
    f = hk.cfunc(first + second + along(second), [v for v, _ in pairs])
    values = f(START + [0.5], pars=PARS[: f.nparams]).reshape(3, 3)
    for order, (row, factorial) in enumerate(zip(values, (1, 2, 6)), 1):
        np.testing.assert_allclose(ta.tc[:, order], row / factorial, rtol=1e-11, atol=1e-11)


@given(st.lists(recipes, min_size=3, max_size=3))
def test_variational_equations_are_derivatives(recipe_list):
    """The state's derivative with respect to the initial conditions, by central differences."""
    equations = system(recipe_list, "")
    pars = used_pars(equations)
    ta = hk.taylor_adaptive(hk.var_ode_sys(equations, hk.var_args.vars), START, pars=pars)
    ta.propagate_until(0.25)
    plain = hk.taylor_adaptive(equations, START, pars=pars)
    jacobian, eps = ta.state[3:].reshape(3, 3), 1e-5
    for k in range(3):
        ends = []
        for sign in (1, -1):
            plain.time = 0.0
            plain.state[:] = START
            plain.state[k] += sign * eps
            plain.propagate_until(0.25)
            ends.append(plain.state.copy())
        np.testing.assert_allclose(jacobian[:, k], (ends[0] - ends[1]) / (2 * eps), rtol=1e-6, atol=1e-6)
