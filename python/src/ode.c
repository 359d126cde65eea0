/*
 * The integrator: making it, and reading and writing what it holds. Its state, parameters and jet are exported as views
 * of the integrator's own memory. The Python class on top of it is in python/tayra/taylor.py.
 */
#include "ode.h"

#include <string.h>

#include "variational.h"

static PyTypeObject *ode_type;

static tay_ode *get(PyObject *self)
{
    return ((core_ode *)self)->ode;
}

static PyObject *wrap(tay_ode *ode)
{
    core_ode *self = PyObject_New(core_ode, ode_type);
    if (!self) {
        tay_ode_free(ode);
        return NULL;
    }
    self->ode = ode;
    self->busy = self->interrupted = false;
    return (PyObject *)self;
}

/* The numbers of the constructor, as buffers, and its options. */
typedef struct setup {
    Py_buffer state, pars;
    tay_ode_options options;
} setup;

/* Events of a list of (function, terminal, has_callback, direction, cooldown); functions are borrowed from it. To be freed. */
static tay_event *read_events(PyObject *list, size_t *n)
{
    Py_ssize_t count = PyList_Check(list) ? PyList_Size(list) : -1;
    if (count < 0) {
        return core_raise_type(list, "events: a list was expected");
    }
    tay_event *events = core_alloc((size_t)count, sizeof *events);
    for (Py_ssize_t i = 0; events && i < count; i++) {
        PyObject *item = PyList_GetItem(list, i), *function;
        int terminal, has_callback, direction;
        double cooldown;
        if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "O!ppid", core_expr_type, &function, &terminal, &has_callback,
                                                      &direction, &cooldown)) {
            if (!PyErr_Occurred()) {
                core_raise_type(item, "events: a tuple was expected");
            }
            PyMem_Free(events);
            return NULL;
        }
        events[i] = (tay_event){.function = core_expr_get(function), .terminal = terminal, .cooldown = cooldown,
                                .direction = (tay_direction)direction, .callback = has_callback ? core_ode_at_event : NULL};
    }
    *n = (size_t)count;
    return events;
}

/*
 * An integrator of the equations, or of a variational system if v is not NULL. Then the state may hold the original
 * variables only, and the derivatives get their initial values; the integrator knows how many parameters these may
 * depend on.
 */
static PyObject *create(const core_system *system, const tay_variational *v, const setup *s)
{
    size_t n_state = (size_t)(s->state.len / s->state.itemsize);
    size_t n = v ? tay_variational_n_total(v) : system->n, n_short = v ? tay_variational_n_original(v) : n;
    if (n_state != n && n_state != n_short) {
        return PyErr_Format(PyExc_ValueError, "state: %zu values were given, but the system has %zu variables%s",
                            n_state, n, v ? " (the number of those of the original system will do, too)" : "");
    }
    double *padded = core_alloc(n, sizeof *padded);
    if (!padded) {
        return NULL;
    }
    memset(padded, 0, n * sizeof *padded);
    memcpy(padded, s->state.buf, n_state * sizeof *padded);
    const tay_expr *const *vars = v ? tay_variational_vars(v) : system->vars;
    const tay_expr *const *rhs = v ? tay_variational_rhs(v) : system->rhs;
    tay_ode *ode = NULL;
    tay_status status;
    Py_BEGIN_ALLOW_THREADS
    status = tay_ode_create(&ode, vars, rhs, n, padded, &s->options);
    if (status == TAY_OK && n_state != n) {
        status = tay_variational_initial_values(tay_ode_state(ode), v, padded, tay_ode_pars(ode), tay_ode_n_pars(ode),
                                                s->options.time);
    }
    Py_END_ALLOW_THREADS
    PyMem_Free(padded);
    if (status || !core_warn(3)) {
        tay_ode_free(ode);
        return status ? core_raise(status) : NULL;
    }
    return wrap(ode);
}

static PyObject *create_any(PyObject *sys, const setup *s)
{
    if (Py_TYPE(sys) == core_variational_type) {
        return create(NULL, ((core_variational *)sys)->v, s);
    }
    core_system system;
    if (!core_system_get(&system, sys)) {
        return NULL;
    }
    PyObject *result = create(&system, NULL, s);
    core_system_free(&system);
    return result;
}

/* ode(sys, state, pars, time, tolerance, high_accuracy, execution, events): sys is a sequence of pairs, or variational. */
static PyObject *ode_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *sys, *state, *pars, *list, *result = NULL;
    setup s = {.options = {.size = sizeof s.options}};
    int high_accuracy, execution;
    if (!PyArg_ParseTuple(args, "OOOddpiO:ode", &sys, &state, &pars, &s.options.time, &s.options.tolerance,
                          &high_accuracy, &execution, &list)) {
        return NULL;
    }
    s.options.execution = (tay_execution)execution;
    tay_event *events = read_events(list, &s.options.n_events);
    if (!events || !core_buffer_get(&s.state, state, 'd', -1, false, "state")) {
        PyMem_Free(events);
        return NULL;
    }
    s.options.events = events;
    if (core_buffer_get(&s.pars, pars, 'd', -1, false, "pars")) {
        s.options.pars = s.pars.buf;
        s.options.n_pars = (size_t)(s.pars.len / s.pars.itemsize);
        s.options.high_accuracy = high_accuracy;
        result = create_any(sys, &s);
        PyBuffer_Release(&s.pars);
    }
    PyBuffer_Release(&s.state);
    PyMem_Free(events);
    return result;
}

static void ode_dealloc(PyObject *self)
{
    tay_ode_free(get(self));
    core_free_object(self);
}

static PyObject *ode_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    tay_ode *copy;
    tay_status status = tay_ode_copy(&copy, get(self));
    return status ? core_raise(status) : wrap(copy);
}

/* interrupt(on) */
static PyObject *ode_interrupt(PyObject *self, PyObject *on)
{
    ((core_ode *)self)->interrupted = on == Py_True;
    return Py_NewRef(Py_None);
}

/* Views. */

static PyObject *ode_state(PyObject *self, PyObject *Py_UNUSED(unused))
{
    Py_ssize_t n = (Py_ssize_t)tay_ode_dim(get(self)), stride = 1;
    return core_view_new(self, tay_ode_state(get(self)), 1, &n, &stride, true);
}

static PyObject *ode_pars(PyObject *self, PyObject *Py_UNUSED(unused))
{
    Py_ssize_t n = (Py_ssize_t)tay_ode_n_pars(get(self)), stride = 1;
    return core_view_new(self, tay_ode_pars(get(self)), 1, &n, &stride, true);
}

static PyObject *ode_jet(PyObject *self, PyObject *Py_UNUSED(unused))
{
    size_t stride;
    const double *jet = tay_ode_jet(get(self), &stride);
    Py_ssize_t shape[2] = {(Py_ssize_t)tay_ode_dim(get(self)), (Py_ssize_t)tay_ode_order(get(self)) + 1};
    Py_ssize_t strides[2] = {1, (Py_ssize_t)stride};
    return core_view_new(self, jet, 2, shape, strides, false);
}

/* Questions. */

static PyObject *ode_equations(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const tay_ode *ode = get(self);
    size_t n = tay_ode_dim(ode);
    const tay_expr **vars = core_alloc(n, sizeof *vars), **rhs = core_alloc(n, sizeof *rhs);
    PyObject *result = NULL;
    if (vars && rhs) {
        for (size_t i = 0; i < n; i++) {
            vars[i] = tay_ode_variable(ode, i);
            rhs[i] = tay_ode_rhs(ode, i);
        }
        result = core_equations(vars, rhs, n);
    }
    PyMem_Free(vars);
    PyMem_Free(rhs);
    return result;
}

static PyObject *ode_dump(PyObject *self, PyObject *Py_UNUSED(unused))
{
    char *text;
    tay_status status = tay_ode_dump(&text, get(self));
    if (status) {
        return core_raise(status);
    }
    PyObject *result = PyUnicode_FromString(text);
    tay_free(text);
    return result;
}

/* dense(out, t, relative): the state at a time near the last step. */
static PyObject *ode_dense(PyObject *self, PyObject *args)
{
    PyObject *o;
    Py_buffer out;
    double t;
    int relative;
    if (!PyArg_ParseTuple(args, "Odp:dense", &o, &t, &relative) ||
        !core_buffer_get(&out, o, 'd', (Py_ssize_t)tay_ode_dim(get(self)), true, "out")) {
        return NULL;
    }
    tay_status status = tay_ode_dense_output(out.buf, get(self), t, relative);
    PyBuffer_Release(&out);
    return status ? core_raise(status) : Py_NewRef(Py_None);
}

static PyObject *ode_get_time(PyObject *self, void *Py_UNUSED(closure))
{
    double lo, hi = tay_ode_time(get(self), &lo);
    return Py_BuildValue("(dd)", hi, lo);
}

static int ode_set_time(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    double hi, lo;
    if (!value || !PyTuple_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "time: a tuple of two numbers was expected");
        return -1;
    }
    if (!PyArg_ParseTuple(value, "dd", &hi, &lo)) {
        return -1;
    }
    tay_status status = tay_ode_set_time(get(self), hi, lo);
    if (status) {
        core_raise(status);
    }
    return status ? -1 : 0;
}

static PyObject *ode_dim(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_ode_dim(get(self)));
}

static PyObject *ode_n_pars(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_ode_n_pars(get(self)));
}

static PyObject *ode_order(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(tay_ode_order(get(self)));
}

static PyObject *ode_tolerance(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(tay_ode_tolerance(get(self)));
}

static PyObject *ode_high_accuracy(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(tay_ode_high_accuracy(get(self)));
}

/* The index of the terminal event at which the last step ended; only asked for when there is one. */
static PyObject *ode_terminal_event(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_ode_terminal_event(get(self)));
}

/* cooldown(i): (elapsed, total), or None. */
static PyObject *ode_cooldown(PyObject *self, PyObject *index)
{
    double elapsed, total;
    size_t i = PyLong_AsSize_t(index);
    if (i == (size_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    return tay_ode_cooldown(&elapsed, &total, get(self), i) ? Py_BuildValue("(dd)", elapsed, total) : Py_NewRef(Py_None);
}

/* set_cooldown(i, elapsed, total) */
static PyObject *ode_set_cooldown(PyObject *self, PyObject *args)
{
    Py_ssize_t i;
    double elapsed, total;
    if (!PyArg_ParseTuple(args, "ndd:set_cooldown", &i, &elapsed, &total)) {
        return NULL;
    }
    tay_status status = tay_ode_set_cooldown(get(self), (size_t)i, elapsed, total);
    return status ? core_raise(status) : Py_NewRef(Py_None);
}

static PyObject *ode_reset_cooldowns(PyObject *self, PyObject *Py_UNUSED(unused))
{
    tay_ode_reset_cooldowns(get(self));
    return Py_NewRef(Py_None);
}

static PyObject *ode_last_h(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(tay_ode_last_h(get(self)));
}

static PyObject *ode_execution(PyObject *self, void *Py_UNUSED(closure))
{
    return core_execution_name(tay_ode_execution(get(self)));
}

static PyMethodDef methods[] = {
    {"copy", ode_copy, METH_NOARGS, "An independent copy."},
    {"interrupt", ode_interrupt, METH_O,
     "interrupt(on): whether a propagation that looks for signals ends with KeyboardInterrupt, whoever advances it."},
    {"state", ode_state, METH_NOARGS, "A view of the state."},
    {"pars", ode_pars, METH_NOARGS, "A view of the parameters."},
    {"jet", ode_jet, METH_NOARGS, "A read-only view of the last step's jet, [dim][order + 1]."},
    {"equations", ode_equations, METH_NOARGS, "A list of (variable, right-hand side)."},
    {"dump", ode_dump, METH_NOARGS, "The program as text."},
    {"dense", ode_dense, METH_VARARGS, "dense(out, t, relative): the state at a time near the last step."},
    {"cooldown", ode_cooldown, METH_O, "cooldown(i): (elapsed, total) of a terminal event that cannot happen, or None."},
    {"set_cooldown", ode_set_cooldown, METH_VARARGS, "set_cooldown(i, elapsed, total): a terminal event cannot happen for now."},
    {"reset_cooldowns", ode_reset_cooldowns, METH_NOARGS, "All terminal events can happen."},
    {"step", (PyCFunction)(void (*)(void))core_ode_step, METH_FASTCALL,
     "step(max_delta_t, owner, at_events): (outcome, step size)."},
    {"propagate", (PyCFunction)(void (*)(void))core_ode_propagate, METH_FASTCALL,
     "propagate(relative, t, max_steps, max_delta_t, callbacks, owner, at_events, c_output): "
     "(outcome, min_h, max_h, n_steps, continuous)."},
    {"grid", (PyCFunction)(void (*)(void))core_ode_grid, METH_FASTCALL,
     "grid(out, times, max_steps, max_delta_t, callbacks, owner, at_events): (outcome, min_h, max_h, n_steps, n_rows)."},
    {0},
};

static PyGetSetDef properties[] = {
    {"time", ode_get_time, ode_set_time, "The time as a pair (hi, lo).", NULL},
    {"dim", ode_dim, NULL, "The number of variables.", NULL},
    {"n_pars", ode_n_pars, NULL, "The number of parameters.", NULL},
    {"order", ode_order, NULL, "The order.", NULL},
    {"tolerance", ode_tolerance, NULL, "The tolerance.", NULL},
    {"high_accuracy", ode_high_accuracy, NULL, "Whether sums are compensated.", NULL},
    {"execution", ode_execution, NULL, "Who runs it: \"vm\" or \"jit\".", NULL},
    {"terminal_event", ode_terminal_event, NULL, "The index of the terminal event at which the last step ended.", NULL},
    {"last_h", ode_last_h, NULL, "The size of the last step.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "ode(sys, state, pars, time, tolerance, high_accuracy, execution, events)"},
    {Py_tp_new, ode_new},
    {Py_tp_dealloc, ode_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra._core.ode",
    .basicsize = sizeof(core_ode),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool core_add_ode(PyObject *module)
{
    ode_type = core_add_type(module, &spec);
    return ode_type != NULL;
}
