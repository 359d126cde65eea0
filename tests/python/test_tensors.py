"""Tensors of derivatives: names, order, shapes, values."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import tayra as hk

x, y, z = hk.make_vars("x", "y", "z")
FUNC = [x * y + z**3, hk.cos(x) * hk.par[0]]


@pytest.fixture(scope="module")
def second():
    return hk.diff_tensors(FUNC, [x, y, hk.par[0]], diff_order=2)


def test_shape(second):
    assert (len(second), second.order, second.nargs, second.nouts) == (20, 2, 3, 2)
    assert second.args == [x, y, hk.par[0]]
    assert repr(second).startswith("Highest diff order: 2\nNumber of outputs : 2\n")


def test_same_entries_as_the_peer(peer, second):
    a, b, c = peer.make_vars("x", "y", "z")
    theirs = peer.diff_tensors([a * b + c**3, peer.cos(a) * peer.par[0]], [a, b, peer.par[0]], diff_order=2)
    assert list(second) == list(theirs)
    for i in range(len(theirs)):
        assert second[i][0] == theirs[i][0]


@pytest.mark.parametrize("n_args, n_out, order", [(1, 1, 0), (1, 2, 5), (2, 1, 4), (3, 2, 3), (4, 1, 2)])
def test_index_of_is_the_position(n_args, n_out, order):
    args = [hk.expression(f"a{i}") for i in range(n_args)]
    func = [hk.sin(hk.sum(args) * (k + 1.0)) for k in range(n_out)]
    tensors = hk.diff_tensors(func, args, order)
    vectors = list(tensors)
    assert len(vectors) == len(tensors) == len({tuple(v) for v in vectors})
    for position, vector in enumerate(vectors):
        assert tensors.index_of(vector) == position
        sparse = (vector[0], [(i, k) for i, k in enumerate(vector[1:]) if k])
        assert tensors.index_of(sparse) == tensors.index_of(list(sparse)) == position
        assert vector in tensors and sparse in tensors
        assert tensors[tuple(vector)] == tensors[position][1]


def test_entries_are_derivatives(second):
    for vector, e in (second[i] for i in range(len(second))):
        expected = FUNC[vector[0]]
        for arg, order in zip(second.args, vector[1:]):
            for _ in range(order):
                expected = hk.diff(expected, arg)
        point = {"x": 0.3, "y": -1.2, "z": 0.7}
        values = [
            hk.cfunc([f], [x, y, z])(list(point.values()), pars=[1.7][: 1 if hk.get_params(f) else 0])[0]
            for f in (e, expected)
        ]
        assert values[0] == pytest.approx(values[1], rel=1e-14, abs=1e-14)


def test_get_derivatives(second):
    first = second.get_derivatives(1)
    assert [v for v, _ in first] == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]
    assert second.get_derivatives(1, 0) == first[:3] and second.get_derivatives(diff_order=1, component=1) == first[3:]
    assert len(second.get_derivatives(2, 1)) == 6
    assert second.get_derivatives(7) == [] and second.get_derivatives(1, 9) == []


def test_gradient_jacobian_hessian(second):
    assert hk.diff_tensors([x * y], [x, y]).gradient == [y, x]
    jacobian = second.jacobian
    assert jacobian.shape == (2, 3) and jacobian[0, 0] == y and jacobian[0, 2] == hk.expression(0.0)
    hessian = second.hessian(0)
    assert hessian.shape == (3, 3)
    for i, j in itertools.product(range(3), repeat=2):
        expected = 1.0 if {i, j} == {0, 1} else 0.0
        assert hessian[i, j] == hk.expression(expected)
    with pytest.raises(ValueError):
        second.gradient
    with pytest.raises(ValueError):
        second.hessian(2)
    with pytest.raises(ValueError):
        hk.diff_tensors([x], [x]).hessian(0)
    with pytest.raises(ValueError):
        hk.diff_tensors([x], [x], 0).gradient


def test_wrong_names(second):
    long = 2**62  # must not become a list of as many items
    sparse = [(7, 1)], [(1, 1), (0, 1)], [(0, 0)], [(1, long)]
    for key in ([5, 0, 0, 0], [0, 5, 0, 0], [0, 1], [0, long, 0, 0], *((0, pairs) for pairs in sparse)):
        assert second.index_of(key) == len(second) and key not in second
        with pytest.raises(KeyError):
            second[key]
    for key in ("a", None, x, slice(0, 2), 1.5, [0, x, 0, 0], -1, (0, [(0, 1.5)]), (0.5, [(0, 1)])):
        with pytest.raises(TypeError):
            second[key]
    with pytest.raises(IndexError):
        second[100]


@pytest.mark.parametrize(
    "error, arguments",
    [
        (TypeError, ([x], [x], 2**32)),
        (ValueError, ([], [x])),
        (ValueError, ([x], [])),
        (ValueError, ([x], [x, x])),
        (ValueError, ([x], [x * y])),
        (ValueError, ([x], [hk.time])),
        (ValueError, ([hk.expression(1.0)], hk.diff_args.vars)),
        (ValueError, ([x], hk.diff_args.params)),
        (TypeError, (x * y, [x])),
        (TypeError, ([x * y], x)),
        (TypeError, ([1.0], [x])),
        (TypeError, ([x], [x], -1)),
        (TypeError, ([x], [x], "a")),
    ],
)
def test_errors(error, arguments):
    with pytest.raises(error):
        hk.diff_tensors(*arguments)


def test_argument_sets():
    f = [x * y * hk.par[1]]
    assert hk.diff_tensors(f, hk.diff_args.vars).args == [x, y]
    assert hk.diff_tensors(f, hk.diff_args.params).args == [hk.par[1]]
    assert hk.diff_tensors(f, hk.diff_args.all).args == [x, y, hk.par[1]]


def test_copies(second):
    for other in (copy.copy(second), copy.deepcopy(second), pickle.loads(pickle.dumps(second))):
        assert list(other) == list(second) and other.args == second.args
        assert np.all(other.jacobian == second.jacobian)
    assert len(hk.dtens()) == 0 and hk.dtens().args == [] and hk.dtens().order == 0


def test_large_gradient_is_cheap():
    """All derivatives of one output cost a small multiple of the output: reverse mode."""
    terms = [hk.expression(f"v{i}") for i in range(2000)]
    gradient = hk.diff_tensors(
        [hk.prod([hk.sin(t) for t in terms[:200]]) + hk.sum([t * t for t in terms])], terms
    ).gradient
    assert len(gradient) == 2000 and gradient[1999] == hk.diff(terms[1999] * terms[1999], terms[1999])
