"""Events as objects, integrators with events, outcomes, cooldowns; beside the peer."""

import copy
import math
import pickle

import numpy as np
import pytest
from event_support import HALF, Callback, assert_logs, calls, circle, go_on, integrator, plain, position, t_calls, velocity
from test_interrupt import interrupt, start

import tayra as hk

x, v = hk.make_vars("x", "v")
O = hk.taylor_outcome
D = hk.event_direction


# Events as objects.


def test_terminal_events():
    def callback(ta, d_sgn):
        return True

    event = hk.t_event(x * v - 1.0, callback=callback, direction=D.positive, cooldown=2)
    assert isinstance(event, hk.t_event_dbl) and event.expression == x * v - 1.0
    assert (event.callback, event.direction, event.cooldown) == (callback, D.positive, 2.0)
    event = hk.t_event(ex=x)
    assert event.callback is None and event.direction is D.any and event.cooldown < 0
    assert hk.t_event(x, cooldown=0).cooldown == 0.0 and hk.t_event(x, cooldown=-2.5).cooldown == -2.5
    for name in ("expression", "callback", "direction", "cooldown"):
        with pytest.raises(AttributeError):
            setattr(event, name, getattr(event, name))


def test_non_terminal_events():
    def callback(ta, time, d_sgn):
        pass

    event = hk.nt_event(x, callback, direction=D.negative)
    assert isinstance(event, hk.nt_event_dbl) and event.expression == x
    assert event.callback is callback and event.direction is D.negative
    assert hk.nt_event(ex=x, callback=callback).direction is D.any and not hasattr(event, "cooldown")
    for name in ("expression", "callback", "direction"):
        with pytest.raises(AttributeError):
            setattr(event, name, getattr(event, name))


def test_classes_of_events(peer):
    """The classes are called in another way than the functions: any argument by position, another first name."""
    for m in (hk, peer):
        a, d = m.make_vars("x"), m.event_direction.negative
        event = m.t_event_dbl(a, Callback(), d, 3.0)
        assert (event.direction, event.cooldown) == (d, 3.0)
        assert m.t_event_dbl(expression=a).expression == a
        assert m.nt_event_dbl(a, Callback(), d).direction == d
        assert m.nt_event_dbl(expression=a, callback=Callback()).expression == a


def test_directions(peer):
    for direction, theirs in zip(D, peer.event_direction, strict=True):
        assert (direction.name, direction.value, repr(direction)) == (theirs.name, theirs.value, repr(theirs))
        assert pickle.loads(pickle.dumps(direction)) is direction


@pytest.mark.parametrize(
    "error, arguments",
    [
        (TypeError, dict(ex=1.0)),
        (TypeError, dict(ex="x")),
        (TypeError, dict(ex=None)),
        (TypeError, dict(callback=3)),
        (TypeError, dict(callback="a")),
        (TypeError, dict(direction=1)),
        (TypeError, dict(direction="any")),
        (TypeError, dict(direction=None)),
        (TypeError, dict(unknown=1)),
        (TypeError, dict(fp_type=int)),
        (TypeError, dict(fp_type="double")),
        (TypeError, dict(cooldown=None)),
        (TypeError, dict(cooldown="a")),
        (ValueError, dict(cooldown=math.nan)),
        (ValueError, dict(cooldown=math.inf)),
        (ValueError, dict(cooldown=-math.inf)),
    ],
)
def test_wrong_events(peer, error, arguments):
    for m in (hk, peer):
        given = {"ex": m.make_vars("x"), **arguments}
        with pytest.raises(error):
            m.t_event(**given)
        with pytest.raises(TypeError):  # these have no cooldown at all
            m.nt_event(**{"callback": Callback(), **given})


def test_missing_and_superfluous_arguments(peer):
    for m in (hk, peer):
        a = m.make_vars("x")
        for call in (
            lambda: m.t_event(),
            lambda: m.nt_event(a),
            lambda: m.nt_event(a, None),
            lambda: m.t_event(a, Callback()),
            lambda: m.nt_event(a, Callback(), m.event_direction.any),
            lambda: m.t_event(expression=a),
        ):
            with pytest.raises(TypeError):
                call()


def test_texts(peer):
    """The first line, with the type of numbers, is written in another way."""

    def texts(m):
        a, b = m.make_vars("x", "v")
        for event in (
            m.t_event(a),
            m.t_event(a * b - 1.0, cooldown=1.5, callback=Callback(), direction=m.event_direction.positive),
            m.t_event(a, cooldown=0.0),
            m.nt_event(m.sin(a), Callback(), direction=m.event_direction.negative),
        ):
            assert str(event) == repr(event)
            yield repr(event).split("\n")[1:]
        for t, nt in (1, 0), (0, 2), (3, 1):
            text = repr(circle(m, t=[position] * t, nt=[velocity] * nt))
            yield text.split("\n")[1:]

    for ours, theirs in zip(texts(hk), texts(peer), strict=True):
        assert ours == theirs


class Deep:
    """Counts how often it was copied."""

    def __init__(self, copies=0):
        self.copies, self.n = copies, 0

    def __call__(self, *args):
        self.n += 1
        return True

    def __deepcopy__(self, memo):
        return Deep(self.copies + 1)


def test_callbacks_are_copied(peer):
    """An event has a deep copy of its callback, and an integrator of its events': the caller's is never called."""
    for m in (hk, peer):
        a, b = m.make_vars("x", "v")
        mine = Deep()
        event = m.nt_event(a, mine)
        assert event.callback is not mine and event.callback.copies == 1
        assert event.callback is event.callback
        terminal = m.t_event(b, callback=mine)
        ta = m.taylor_adaptive([(a, b), (b, -a)], [1.0, 0.0], nt_events=[event, event], t_events=[terminal])
        held = [*(e.callback for e in ta.nt_events), ta.t_events[0].callback]
        assert [c.copies for c in held] == [2, 2, 2] and len(set(map(id, held))) == 3
        assert ta.nt_events[0].callback is held[0]
        ta.propagate_until(6.0)
        assert mine.n == event.callback.n == 0 and [c.n for c in held] == [2, 2, 2]
    with pytest.raises(LookupError):
        hk.nt_event(x, Uncopyable())


class Uncopyable(Deep):
    def __deepcopy__(self, memo):
        raise LookupError("not this one")


def test_copies_and_pickles_of_events():
    terminal = hk.t_event(x * v, callback=Callback(), cooldown=3.0, direction=D.negative)
    for event in (terminal, hk.nt_event(x * v, Callback(), direction=D.negative), hk.t_event(x)):
        event.label = [1]
        for other in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
            assert type(other) is type(event) and repr(other) == repr(event) and other is not event
            assert other.expression == event.expression and other.direction is event.direction
            assert event.callback is None or other.callback is not event.callback
            assert other.label == [1]


# Integrators with events.


def test_attributes():
    none = circle()
    assert none.with_events is False and none.t_events == none.nt_events == none.te_cooldowns == []
    assert none.reset_cooldowns() is None
    ta = circle(nt=[position])
    assert ta.with_events is True and ta.t_events == [] == ta.te_cooldowns and ta.reset_cooldowns() is None
    ta = circle(t=[position, (velocity, dict(cooldown=2.0))])
    assert ta.nt_events == [] and [e.expression for e in ta.t_events] == [x, v] and ta.te_cooldowns == [None, None]
    assert ta.t_events[1].cooldown == 2.0 and ta.t_events[0] is ta.t_events[0]
    ta.t_events.append(1), ta.te_cooldowns.append(1)
    assert len(ta.t_events) == len(ta.te_cooldowns) == 2
    assert ta.tc.shape == (2, 21)
    for name in ("with_events", "t_events", "nt_events", "te_cooldowns"):
        with pytest.raises(AttributeError):
            setattr(ta, name, [])


def test_wrong_integrators(peer):
    for m in (hk, peer):
        a, b, z = m.make_vars("x", "v", "z")
        t, nt = m.t_event(a), m.nt_event(a, Callback())
        for error, arguments in [
            (TypeError, dict(t_events=None)),
            (TypeError, dict(nt_events=None)),
            (TypeError, dict(t_events=t)),
            (TypeError, dict(t_events=[nt])),
            (TypeError, dict(nt_events=[t])),
            (TypeError, dict(t_events=[t, None])),
            (TypeError, dict(nt_events=[a])),
            (ValueError, dict(t_events=[m.t_event(z)])),
            (ValueError, dict(nt_events=[m.nt_event(z * a, Callback())])),
            (ValueError, dict(t_events=[m.t_event(m.expression(1.0))])),
            (ValueError, dict(t_events=[m.t_event(m.par[0])])),
            (ValueError, dict(t_events=[m.t_event(m.par[2] * a)], pars=[1.0])),
        ]:
            with pytest.raises(error):
                m.taylor_adaptive([(a, b), (b, -a)], [1.0, 0.0], **arguments)
        for sequence in (list, tuple, np.array):
            assert len(m.taylor_adaptive([(a, b), (b, -a)], [1.0, 0.0], t_events=sequence([t, t])).t_events) == 2
        assert list(m.taylor_adaptive([(a, b), (b, -a)], [1.0, 0.0], t_events=[m.t_event(m.par[2] * a)]).pars) == [0.0] * 3


# Outcomes.


def until_event(ta, n=30, step="step"):
    for _ in range(n):
        outcome, h = getattr(ta, step)()
        if outcome != O.success:
            return int(outcome), h
    raise AssertionError("no event")


@pytest.mark.parametrize("execution", ["vm", "jit"])
@pytest.mark.parametrize("step, sign", [("step", 1), ("step_backward", -1)])
def test_steps_to_terminal_events(step, sign, execution):
    """Event i: -i - 1 if it stops, i if it goes on. The step ends at the event."""
    for options, index in [({}, -2), (go_on(), 1), (dict(callback=Callback(False)), -2)]:
        ta = circle(t=[lambda x, v: x - 2.0, (position, options)], execution=execution)
        outcome, h = until_event(ta, step=step)
        assert outcome == index and h == ta.last_h and 0 < h * sign < 1
        np.testing.assert_allclose([ta.time, *ta.state], [sign * HALF, 0, -sign], rtol=1e-15, atol=1e-15)
        assert ta.te_cooldowns[0] is None and ta.te_cooldowns[1][0] == 0.0
        outcome, h = getattr(ta, step)()  # does not find the same again
        assert outcome == O.success and abs(h) > 0.9


def test_outcomes_as_objects(peer):
    outcome, theirs = (circle(m, t=[position]).propagate_until(5.0)[0] for m in (hk, peer))
    for m, o in (hk, outcome), (peer, theirs):
        kind = m.taylor_outcome
        assert type(o) is kind and int(o) == o.value == -1
        assert o == kind(-1) and o != kind(0) and o != kind.success and o != -1 and hash(o) == hash(kind(-1))
        assert pickle.loads(pickle.dumps(o)) == copy.deepcopy(o) == o
        assert kind(7).value == 7 and kind(-4294967297) == kind.success
        with pytest.raises(TypeError):
            o >= 0
    assert repr(outcome) == repr(theirs) and str(outcome) == str(theirs)


@pytest.mark.parametrize("result", [True, 1, 2.5, np.True_, False, None, 0, 0.0, np.False_])
def test_what_terminal_callbacks_return(peer, result):
    for m in (hk, peer):
        ta = circle(m, t=[(position, dict(callback=Callback(result)))])
        outcome, *_, callback = ta.propagate_until(6.0)
        assert plain(outcome) == ("time_limit" if result else -1) and callback is None
        assert len(t_calls(ta)) == (2 if result else 1) and (ta.time == 6.0) == bool(result)


@pytest.mark.parametrize("result", ["a", [], np.array([1, 2]), object()])
def test_nonsense_from_callbacks(result):
    with pytest.raises(TypeError):
        circle(t=[(position, dict(callback=Callback(result)))]).propagate_until(6.0)
    ta = circle(nt=[(position, dict(callback=Callback(result)))])
    assert ta.propagate_until(6.0)[0] == O.time_limit and len(calls(ta)) == 2


@pytest.mark.parametrize(
    "events",
    [
        dict(),
        dict(nt=[position]),
        dict(nt=[lambda x, v: 1000.0 * x]),
        dict(nt=[lambda x, v: x - 1000.0]),
        dict(nt=[lambda x, v: 1e6 * (x * v) + 1.0]),
        dict(t=[position]),
        dict(t=[(position, go_on())]),
        dict(t=[(lambda x, v: 30.0 * (x - 0.3), go_on()), velocity], nt=[lambda x, v: x + v]),
    ],
)
@pytest.mark.parametrize("end", [20.0, -20.0])
def test_propagations_as_the_peer(peer, events, end):
    """The same outcomes, events and steps, whose size depends on the events, too."""
    (a, ours), (b, theirs) = ((ta, ta.propagate_until(end)) for ta in (circle(m, **copy.deepcopy(events)) for m in (hk, peer)))
    assert plain(ours[0]) == plain(theirs[0]) and ours[3:] == theirs[3:]
    np.testing.assert_allclose(ours[1:3], theirs[1:3], rtol=1e-6)
    np.testing.assert_allclose([a.time, *a.state], [b.time, *b.state], rtol=1e-13, atol=1e-13)
    if a.with_events:
        for e, f in zip(a.nt_events + a.t_events, b.nt_events + b.t_events, strict=True):
            if e.callback:
                assert_logs(e.callback.calls, f.callback.calls)


def test_step_sizes(peer):
    """A step that ends at an event or a limit does not count for the smallest and largest, one of size 0 for nothing."""
    for m in (hk, peer):
        ta = circle(m, state=[0.0, 1.0], t=[position])
        assert ta.propagate_until(3.0)[1:4] == (math.inf, 0.0, 0)
        low, high, n = ta.propagate_until(4.0)[1:4]
        assert 1 < low <= high < 1.1 and n == 4 and ta.time == pytest.approx(math.pi, rel=1e-15)
        assert circle(m, t=[position]).propagate_until(20.0, max_delta_t=0.3)[1:4] == (math.inf, 0.0, 6)


def test_limits_and_events(peer):
    for m in (hk, peer):
        assert plain(circle(m, t=[position]).propagate_until(9.0, max_steps=2)[0]) == -1
        assert plain(circle(m, t=[(position, go_on())]).propagate_until(9.0, max_steps=2)[0]) == "step_limit"
        assert plain(circle(m, t=[position]).propagate_until(1.57)[0]) == "time_limit"
        ta = circle(m, state=[0.0, 1.0], t=[position], nt=[position])
        assert plain(ta.step(max_delta_t=0.0)[0]) == "time_limit"
        assert plain(ta.propagate_until(0.0)[0]) == "time_limit" and not calls(ta)


# Cooldowns.


def test_automatic_cooldown(peer):
    """10 tol max(1, size) / |derivative|; the size is that of the variables and functions when the step begins."""
    for scale in (1e-3, 1.0, 1e3):
        for tol in (0.0, 1e-6):
            found = []
            for m in (hk, peer):
                ta = circle(m, t=[lambda x, v: scale * (x - 0.3)], tol=tol)
                ta.propagate_until(3.0)
                (entry,) = ta.te_cooldowns
                assert isinstance(entry, tuple) and entry[0] == 0.0
                found.append(entry[1])
            assert found[0] == pytest.approx(found[1], rel=1e-3)


@pytest.mark.parametrize("cooldown, n", [(1e-3, 3), (3.0, 3), (3.13, 3), (3.15, 2), (6.3, 1)])
def test_cooldowns(peer, cooldown, n):
    """Times pi apart: those within the cooldown do not count, in the middle of a step neither."""
    for m in (hk, peer):
        ta = circle(m, t=[(position, go_on(cooldown=cooldown))])
        ta.propagate_until(8.0)
        assert len(t_calls(ta)) == n


def test_within_one_step(peer):
    """x = -0.01 + t - t^2 / 2 crosses zero twice, 1.98 apart."""
    for cooldown, n in (-1.0, 2), (1.97, 2), (1.99, 1):
        for m in (hk, peer):
            a, b = m.make_vars("x", "v")
            ta = integrator(
                m, [(a, b), (b, m.expression(-1.0))], [-0.01, 1.0], t=[(position, go_on(cooldown=cooldown))]
            )
            ta.propagate_until(5.0)
            assert len(t_calls(ta)) == n


def test_elapsed_time(peer):
    """It has a sign, so that going back and forth is not too long a way, and ends at the cooldown on either side."""
    for m in (hk, peer):
        ta = circle(m, t=[(position, dict(cooldown=1.5))])
        ta.propagate_until(3.0)
        elapsed = []
        for h in (0.25, -0.1, -0.4, -1.0, -1.0):
            ta.step(h)
            elapsed.append(ta.te_cooldowns[0])
        assert [entry[1] for entry in elapsed[:4]] == [1.5] * 4 and elapsed[4] is None
        np.testing.assert_allclose([entry[0] for entry in elapsed[:4]], [0.25, 0.15, -0.25, -1.25], rtol=1e-14)


def test_reversal(peer):
    """There and back again: the event is not found where the way back begins, but where it comes by again."""
    for m in (hk, peer):
        for cooldown in (-1.0, 0.1):
            ta = circle(m, t=[(position, dict(cooldown=cooldown))])
            assert plain(ta.propagate_until(3.0)[0]) == -1
            assert plain(ta.propagate_until(1.0)[0]) == "time_limit" and ta.te_cooldowns == [None]
            assert plain(ta.propagate_until(3.0)[0]) == -1 and ta.time == pytest.approx(HALF)


def test_reset_and_changes_by_hand(peer):
    for m in (hk, peer):
        ta = circle(m, [1.0, 0.1], t=[(position, dict(cooldown=3.0)), lambda x, v: x + 5.0])
        ta.propagate_until(3.0)
        entry = ta.te_cooldowns[0]
        assert entry == (0.0, 3.0) and ta.te_cooldowns[1] is None
        ta.time, ta.state[:] = 0.0, [1.0, 0.1]
        assert ta.te_cooldowns[0] == entry  # so the next pass does not count
        assert plain(ta.propagate_until(2.0)[0]) == "time_limit"
        ta.time, ta.state[:] = 0.0, [1.0, 0.1]
        ta.reset_cooldowns()
        assert ta.te_cooldowns == [None, None]
        assert plain(ta.propagate_until(2.0)[0]) == -1
        with pytest.raises(TypeError):
            ta.reset_cooldowns(0)


def flip(ta):
    ta.state[1] *= -1.0


def test_no_cooldown(peer):
    """With an explicit 0 the peer finds the same event again, for ever; here only a function that comes back has another one: if
    that is at once, for ever, were it not for the limit, which counts steps of size 0."""
    for m, change, n_calls in ((hk, None, 1), (peer, None, 5), (hk, flip, 5)):
        ta = circle(m, state=[0.0, 1.0], t=[(position, go_on(change, cooldown=0.0))])
        outcome, low, high, n, *_ = ta.propagate_until(3.0, max_steps=5)
        assert len(t_calls(ta)) == n_calls
        if n_calls == 5:
            assert plain(outcome) == "step_limit" and ta.time < 1e-300 and ta.te_cooldowns == [(0.0, 0.0)]
        else:
            assert plain(outcome) == "time_limit" and ta.te_cooldowns == [None]


def test_interrupt():
    """Ctrl-C comes while callbacks of events run, or in between."""
    process = start("""
        nt = hk.nt_event(x, lambda ta, t, sign: None)
        t = hk.t_event(v, callback=lambda ta, sign: True)
        ta = hk.taylor_adaptive([(x, v), (v, -x)], [1.0, 0.0], t_events=[t], nt_events=[nt])
        print("ready", flush=True)
        try:
            ta.propagate_until(1e12)
        except KeyboardInterrupt:
            ta.propagate_for(1.0)
            print("interrupted")
    """)
    interrupt(process, 0.2)
