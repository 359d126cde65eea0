/*
 * Steps and propagations, without the interpreter's lock. After each step, and for events, the library calls back: then the
 * callbacks of the user run, with the lock; and 20 times a second Python looks for signals, so that Ctrl-C ends a propagation
 * after a whole step; it looks for a mark by another thread then, too, since signals reach the main thread only.
 */
#include "ode.h"

#include <math.h>

typedef struct propagation {
    PyThreadState *thread; /* of the caller, while the lock is released */
    PyObject *callbacks;   /* a tuple of callables */
    PyObject *owner;       /* what the callbacks get: the Python integrator */
    PyObject *at_events;   /* a tuple: the callable, or None, of each event */
    bool failed;           /* one of them raised an exception */
    const core_ode *self;
    core_clock clock;
} propagation;

/* What a callback returned: 1, 0, or -1 with an exception. None counts as false; text and the like are refused. */
static int truth(PyObject *value)
{
    if (value == Py_None) {
        return 0;
    }
    int result = PyType_GetSlot(Py_TYPE(value), Py_nb_bool) ? PyObject_IsTrue(value) : -1;
    if (result < 0) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "a callback must return a bool, but returned %R", value);
    }
    return result;
}

/* All callbacks are called, even if one of them asks to stop; an exception ends it at once. */
static bool call_all(const propagation *p)
{
    bool go_on = true;
    Py_ssize_t n = PyTuple_Size(p->callbacks);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *value = PyObject_CallFunctionObjArgs(PyTuple_GetItem(p->callbacks, i), p->owner, NULL);
        int result = value ? truth(value) : -1;
        Py_XDECREF(value);
        if (result < 0) {
            return false;
        }
        go_on = go_on && result;
    }
    return go_on;
}

static bool may_go_on(const propagation *p)
{
    if (PyErr_CheckSignals() != 0) {
        return false;
    }
    if (p->self->interrupted) {
        PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
    return !p->self->interrupted;
}

static bool after_step(tay_ode *Py_UNUSED(ode), void *context)
{
    propagation *p = context;
    if (p->failed) {
        return false;
    }
    bool look = core_clock_ticks(&p->clock), call = PyTuple_Size(p->callbacks) > 0;
    if (!look && !call) {
        return true;
    }
    PyEval_RestoreThread(p->thread);
    bool go_on = !look || may_go_on(p);
    if (go_on && call) {
        go_on = call_all(p);
    }
    p->thread = PyEval_SaveThread();
    return go_on;
}

bool core_ode_at_event(tay_ode *ode, const tay_hit *hit, void *context)
{
    propagation *p = context;
    bool terminal = tay_ode_event(ode, hit->event)->terminal;
    PyEval_RestoreThread(p->thread);
    PyObject *callback = PyTuple_GetItem(p->at_events, (Py_ssize_t)hit->event);
    PyObject *value = terminal ? PyObject_CallFunction(callback, "Oi", p->owner, hit->sign)
                               : PyObject_CallFunction(callback, "Odi", p->owner, hit->time, hit->sign);
    int result = !value ? -1 : terminal ? truth(value) : 1;
    Py_XDECREF(value);
    p->failed = result < 0;
    p->thread = PyEval_SaveThread();
    return result > 0;
}

static bool begin(propagation *p, core_ode *self, PyObject *owner, PyObject *at_events)
{
    if (!PyTuple_Check(at_events) || (size_t)PyTuple_Size(at_events) != tay_ode_n_events(self->ode)) {
        PyErr_SetString(PyExc_TypeError, "at_events: a tuple, as long as the list of events, was expected");
        return false;
    }
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the integrator is already being advanced: a callback, or another thread, must not do it");
        return false;
    }
    self->busy = true;
    p->self = self;
    p->owner = owner;
    p->at_events = at_events;
    p->failed = false;
    tay_ode_set_event_context(self->ode, p);
    return true;
}

static bool count_arguments(Py_ssize_t n, Py_ssize_t expected)
{
    if (n != expected) {
        PyErr_Format(PyExc_TypeError, "%zd arguments were expected, but %zd given", expected, n);
    }
    return n == expected;
}

/* After a call that ended with `status`: whether all went well, else there is an exception. */
static bool end(core_ode *self, tay_status status)
{
    self->busy = false;
    if (status && !PyErr_Occurred()) {
        core_raise(status);
    }
    return !PyErr_Occurred();
}

/* step(max_delta_t, owner, at_events) */
PyObject *core_ode_step(PyObject *o, PyObject *const *arguments, Py_ssize_t n)
{
    core_ode *self = (core_ode *)o;
    propagation p;
    tay_outcome outcome;
    if (!count_arguments(n, 3)) {
        return NULL;
    }
    double max_delta_t = PyFloat_AsDouble(arguments[0]), h;
    if ((max_delta_t == -1.0 && PyErr_Occurred()) || !begin(&p, self, arguments[1], arguments[2])) {
        return NULL;
    }
    p.thread = PyEval_SaveThread();
    tay_status status = tay_ode_step(&outcome, &h, self->ode, max_delta_t);
    PyEval_RestoreThread(p.thread);
    return end(self, status) ? Py_BuildValue("(id)", (int)outcome, h) : NULL;
}

/* The limits as the library takes them, where 0 is none. */
static bool read_limits(tay_propagate_options *options, PyObject *max_steps, PyObject *max_delta_t)
{
    Py_ssize_t n = PyNumber_AsSsize_t(max_steps, NULL);
    if (n < 0) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "max_steps must be an integer that is not negative, but is %R", max_steps);
        return false;
    }
    double most = PyFloat_AsDouble(max_delta_t);
    if (!(most > 0)) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_ValueError, "max_delta_t must be positive, but is %R", max_delta_t);
        }
        return false;
    }
    options->max_steps = (size_t)n;
    options->max_delta_t = isinf(most) ? 0 : most;
    return true;
}

static bool call_hooks(const propagation *p)
{
    Py_ssize_t n = PyTuple_Size(p->callbacks);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *callback = PyTuple_GetItem(p->callbacks, i);
        if (!PyObject_HasAttrString(callback, "pre_hook")) {
            continue;
        }
        PyObject *hook = PyObject_GetAttrString(callback, "pre_hook");
        PyObject *value = hook ? PyObject_CallFunctionObjArgs(hook, p->owner, NULL) : NULL;
        Py_XDECREF(hook);
        Py_XDECREF(value);
        if (!value) {
            return false;
        }
    }
    return true;
}

/* The arguments that both kinds of propagation have: max_steps, max_delta_t, callbacks, owner. References are borrowed. */
static bool prepare(propagation *p, tay_propagate_options *options, PyObject *const *arguments)
{
    if (!read_limits(options, arguments[0], arguments[1])) {
        return false;
    }
    p->callbacks = arguments[2];
    p->owner = arguments[3]; /* for the hooks; the rest is for begin() */
    if (!PyTuple_Check(p->callbacks)) {
        PyErr_SetString(PyExc_TypeError, "callbacks: a tuple was expected");
        return false;
    }
    core_clock_start(&p->clock);
    options->size = sizeof *options;
    options->callback = after_step;
    options->seldom = PyTuple_Size(p->callbacks) == 0;
    options->context = p;
    return call_hooks(p);
}

/* propagate(relative, t, max_steps, max_delta_t, callbacks, owner, at_events, c_output) */
PyObject *core_ode_propagate(PyObject *o, PyObject *const *arguments, Py_ssize_t n)
{
    core_ode *self = (core_ode *)o;
    propagation p = {.self = self};
    tay_propagate_options options = {0};
    if (!count_arguments(n, 8)) {
        return NULL;
    }
    double t = PyFloat_AsDouble(arguments[1]);
    int relative = PyObject_IsTrue(arguments[0]), want_output = PyObject_IsTrue(arguments[7]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (!isfinite(t)) {
        PyErr_Format(PyExc_ValueError, "the time of a propagation must be finite, but is %R", arguments[1]);
        return NULL;
    }
    if (!prepare(&p, &options, arguments + 2) || !begin(&p, self, arguments[5], arguments[6])) {
        return NULL;
    }
    tay_continuous *continuous = NULL;
    tay_ode_result result;
    options.continuous = want_output ? &continuous : NULL;
    p.thread = PyEval_SaveThread();
    tay_status status = (relative ? tay_ode_propagate_for : tay_ode_propagate_until)(&result, self->ode, t, &options);
    PyEval_RestoreThread(p.thread);
    if (!end(self, status)) {
        tay_continuous_free(continuous);
        return NULL;
    }
    PyObject *output = continuous ? core_continuous_wrap(continuous) : Py_NewRef(Py_None);
    return output ? Py_BuildValue("(iddnN)", (int)result.outcome, result.min_h, result.max_h,
                                  (Py_ssize_t)result.n_steps, output)
                  : NULL;
}

/* grid(out, times, max_steps, max_delta_t, callbacks, owner, at_events) */
PyObject *core_ode_grid(PyObject *o, PyObject *const *arguments, Py_ssize_t n)
{
    core_ode *self = (core_ode *)o;
    propagation p = {.self = self};
    tay_propagate_options options = {0};
    PyObject *tuple = NULL;
    Py_buffer out, times;
    if (!count_arguments(n, 7) || !prepare(&p, &options, arguments + 2) ||
        !core_buffer_get(&times, arguments[1], 'd', -1, false, "grid")) {
        return NULL;
    }
    tay_grid grid = {.times = times.buf, .n = (size_t)(times.len / times.itemsize)};
    if (core_buffer_get(&out, arguments[0], 'd', (Py_ssize_t)(grid.n * tay_ode_dim(self->ode)), true, "out")) {
        if (begin(&p, self, arguments[5], arguments[6])) {
            tay_ode_result result;
            size_t n_rows = 0;
            p.thread = PyEval_SaveThread();
            tay_status status = tay_ode_propagate_grid(&result, out.buf, &n_rows, self->ode, &grid, &options);
            PyEval_RestoreThread(p.thread);
            if (end(self, status)) {
                tuple = Py_BuildValue("(iddnn)", (int)result.outcome, result.min_h, result.max_h,
                                      (Py_ssize_t)result.n_steps, (Py_ssize_t)n_rows);
            }
        }
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&times);
    return tuple;
}
