/*
 * Flows and their tapes. The Python class (python/tayra/_flow.py) checks shapes and makes arrays; here the numbers are
 * computed, without the interpreter's lock.
 */
#include "core.h"

typedef struct flow {
    PyObject_HEAD
    tay_flow *f;
} flow;

typedef struct tape {
    PyObject_HEAD
    tay_tape *t;
    bool busy; /* it is being pulled: no other pull may begin, in a report or in another thread */
} tape;

static PyTypeObject *tape_type;

static PyObject *flow_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *sys;
    Py_ssize_t memory, steps, threads, order, lanes;
    int execution, precision;
    double tol;
    core_system system = {0};
    tay_flow *f = NULL;
    flow *self = NULL;
    tay_status status;

    /* The ranges of numbers are the caller's care. */
    if (!PyArg_ParseTuple(args, "Odnnnniin:flow", &sys, &tol, &memory, &steps, &threads, &order, &execution, &precision,
                          &lanes))
        return NULL;
    if (!core_system_get(&system, sys)) return NULL;
    tay_flow_options options = {.size = sizeof options, .tolerance = tol, .memory_limit = (size_t)memory,
                                .max_steps = (size_t)steps, .n_threads = (uint32_t)threads, .order = (uint32_t)order,
                                .execution = (tay_execution)execution, .precision = (tay_precision)precision,
                                .lanes = (uint32_t)lanes};
    Py_BEGIN_ALLOW_THREADS
    status = tay_flow_create(&f, system.vars, system.rhs, system.n, &options);
    Py_END_ALLOW_THREADS
    core_system_free(&system);
    if (status) return core_raise(status);
    if ((self = PyObject_New(flow, type))) self->f = f;
    else tay_flow_free(f);
    return (PyObject *)self;
}

static void flow_dealloc(PyObject *self)
{
    tay_flow_free(((flow *)self)->f);
    core_free_object(self);
}

/* (n_steps, n_recomputed, tape_bytes, n_failed, first_failed, failed_time) */
static PyObject *result_tuple(const tay_flow_result *r)
{
    return Py_BuildValue("nnnnnd", (Py_ssize_t)r->n_steps, (Py_ssize_t)r->n_recomputed, (Py_ssize_t)r->tape_bytes,
                         (Py_ssize_t)r->n_failed, (Py_ssize_t)r->first_failed, r->failed_time);
}

/* Work without the interpreter's lock, which takes it now and then: to look for signals, and to tell of progress. */
typedef struct watch {
    PyThreadState *thread;
    PyObject *report; /* report(done, total), or None */
    core_clock clock;
} watch;

static bool look(size_t done, size_t total, void *context)
{
    watch *w = context;
    if (!core_clock_ticks(&w->clock)) return true;
    PyEval_RestoreThread(w->thread);
    bool go_on = PyErr_CheckSignals() == 0;
    if (go_on && w->report != Py_None) {
        PyObject *value = PyObject_CallFunction(w->report, "nn", (Py_ssize_t)done, (Py_ssize_t)total);
        go_on = value != NULL;
        Py_XDECREF(value);
    }
    w->thread = PyEval_SaveThread();
    return go_on;
}

static void begin(watch *w, PyObject *report)
{
    w->report = report;
    core_clock_start(&w->clock);
    w->thread = PyEval_SaveThread();
}

/* False: an exception is set, the one that stopped the work, its error, or a warning of what core_warn calls stack_level. */
static bool end(const watch *w, tay_status status, int stack_level)
{
    PyEval_RestoreThread(w->thread);
    if (status && !PyErr_Occurred()) core_raise(status);
    return !status && core_warn(stack_level);
}

/* Buffers of at least so many doubles, the first n_written to be written; how many were got. size NULL: of any number, and what
 * is to be written may be None, which has an empty buffer. */
static int get_buffers(Py_buffer *b, PyObject *const *a, const char *const *names, int n, const Py_ssize_t *size, int n_written)
{
    int got = 0;
    for (; got < n; got++) {
        if (!size && got < n_written && a[got] == Py_None) memset(&b[got], 0, sizeof b[got]);
        else if (!core_buffer_get(&b[got], a[got], 'd', size ? size[got] : -1, got < n_written, names[got])) break;
    }
    return got;
}

static void release(Py_buffer *b, int got)
{
    while (got-- > 0) PyBuffer_Release(&b[got]);
}

/* run(ys, x0, ts, pars, n_points, n_times, shared_ts, shared_pars, taped, report): contiguous arrays -> (tape, result) */
static PyObject *flow_run(PyObject *o, PyObject *args)
{
    const tay_flow *f = ((flow *)o)->f;
    static const char *const names[4] = {"ys", "x0", "ts", "pars"};
    PyObject *a[4], *report, *made = NULL, *result = NULL;
    Py_ssize_t m, t;
    int shared_ts, shared_pars, taped, got = 0;
    Py_buffer b[4];
    tay_tape *new_tape = NULL;
    tay_flow_result r;
    watch w;

    if (!PyArg_ParseTuple(args, "OOOOnnpppO:run", &a[0], &a[1], &a[2], &a[3], &m, &t, &shared_ts, &shared_pars, &taped, &report))
        return NULL;
    Py_ssize_t dim = (Py_ssize_t)tay_flow_dim(f), n_pars = (Py_ssize_t)tay_flow_n_pars(f);
    Py_ssize_t size[4] = {t * m * dim, m * dim, shared_ts ? t : m * t, shared_pars ? n_pars : m * n_pars};
    if ((got = get_buffers(b, a, names, 4, size, 1)) < 4) goto out;
    tay_flow_arguments arguments = {.size = sizeof arguments, .n_points = (size_t)m, .n_times = (size_t)t, .x0 = b[1].buf,
                                    .times = b[2].buf, .pars = b[3].buf, .shared_times = shared_ts, .shared_pars = shared_pars,
                                    .progress = look, .context = &w};
    begin(&w, report);
    if (!end(&w, tay_flow_run(b[0].buf, taped ? &new_tape : NULL, &r, f, &arguments), 5)) goto out;
    made = Py_NewRef(Py_None);
    if (taped) {
        tape *object = PyObject_New(tape, tape_type);
        if (!object) goto out;
        object->t = new_tape;
        object->busy = false;
        new_tape = NULL;
        Py_DECREF(made);
        made = (PyObject *)object;
    }
    result = Py_BuildValue("NN", Py_NewRef(made), result_tuple(&r));
out:
    Py_XDECREF(made);
    tay_tape_free(new_tape);
    release(b, got);
    return result;
}

/* push(ys, ys_dot, x0, ts, pars, x0_dot, ts_dot, pars_dot, n_points, n_times, shared_ts, shared_pars, report): contiguous
 * arrays, tangents in the shapes of the arguments -> result */
static PyObject *flow_push(PyObject *o, PyObject *args)
{
    const tay_flow *f = ((flow *)o)->f;
    static const char *const names[8] = {"ys", "ysdot", "x0", "ts", "pars", "x0dot", "tsdot", "parsdot"};
    PyObject *a[8], *report, *result = NULL;
    Py_ssize_t m, t;
    int shared_ts, shared_pars, got = 0;
    Py_buffer b[8];
    tay_flow_result r;
    watch w;

    if (!PyArg_ParseTuple(args, "OOOOOOOOnnppO:push", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &a[6], &a[7], &m, &t, &shared_ts,
                          &shared_pars, &report))
        return NULL;
    Py_ssize_t dim = (Py_ssize_t)tay_flow_dim(f), n_pars = (Py_ssize_t)tay_flow_n_pars(f), n_ys = t * m * dim, n_x0 = m * dim;
    Py_ssize_t n_ts = shared_ts ? t : m * t, n_p = shared_pars ? n_pars : m * n_pars;
    Py_ssize_t size[8] = {n_ys, n_ys, n_x0, n_ts, n_p, n_x0, n_ts, n_p};
    if ((got = get_buffers(b, a, names, 8, size, 2)) < 8) goto out;
    tay_flow_arguments arguments = {.size = sizeof arguments, .n_points = (size_t)m, .n_times = (size_t)t, .x0 = b[2].buf,
                                    .times = b[3].buf, .pars = b[4].buf, .shared_times = shared_ts, .shared_pars = shared_pars,
                                    .progress = look, .context = &w};
    tay_flow_tangents tangents = {.size = sizeof tangents, .x0 = b[5].buf, .times = b[6].buf, .pars = b[7].buf};
    begin(&w, report);
    if (end(&w, tay_flow_push(b[0].buf, b[1].buf, &r, f, &arguments, &tangents), 4)) result = result_tuple(&r);
out:
    release(b, got);
    return result;
}

static void tape_dealloc(PyObject *self)
{
    tay_tape_free(((tape *)self)->t);
    core_free_object(self);
}

/* pull(x0_bar, ts_bar, pars_bar, ys_bar, report): contiguous arrays, whose sizes the caller has checked, but for ys_bar None
 * where not wanted -> result */
static PyObject *tape_pull(PyObject *o, PyObject *args)
{
    static const char *const names[4] = {"x0bar", "tsbar", "parsbar", "ysbar"};
    tape *self = (tape *)o;
    PyObject *a[4], *report, *result = NULL;
    Py_buffer b[4];
    int got = 0;
    tay_flow_result r;
    watch w;

    if (!PyArg_ParseTuple(args, "OOOOO:pull", &a[0], &a[1], &a[2], &a[3], &report)) return NULL;
    if ((got = get_buffers(b, a, names, 4, NULL, 3)) < 4) goto out;
    tay_flow_cotangents out = {.size = sizeof out, .x0 = b[0].buf, .times = b[1].buf, .pars = b[2].buf, .progress = look,
                               .context = &w};
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "tape: it is being pulled already, by another thread or around this call");
        goto out;
    }
    self->busy = true;
    begin(&w, report);
    if (end(&w, tay_tape_pull(&out, self->t, b[3].buf, &r), 3)) result = result_tuple(&r);
    self->busy = false;
out:
    release(b, got);
    return result;
}

static PyObject *flow_dim(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_flow_dim(((flow *)self)->f));
}

static PyObject *flow_n_pars(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_flow_n_pars(((flow *)self)->f));
}

static PyObject *flow_execution(PyObject *self, void *Py_UNUSED(closure))
{
    return core_execution_name(tay_flow_execution(((flow *)self)->f));
}

static PyObject *flow_precision(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(tay_flow_precision(((flow *)self)->f) == TAY_PRECISION_MIXED ? "mixed" : "double");
}

static PyMethodDef flow_methods[] = {
    {"run", flow_run, METH_VARARGS, "run(ys, x0, ts, pars, n_points, n_times, shared_ts, shared_pars, taped, report)"},
    {"push", flow_push, METH_VARARGS,
     "push(ys, ys_dot, x0, ts, pars, x0_dot, ts_dot, pars_dot, n_points, n_times, shared_ts, shared_pars, report)"},
    {0},
};

static PyGetSetDef flow_properties[] = {
    {"dim", flow_dim, NULL, "The number of states.", NULL},
    {"execution", flow_execution, NULL, "Who ran it last: \"vm\" or \"jit\".", NULL},
    {"n_pars", flow_n_pars, NULL, "1 + the highest index of a parameter.", NULL},
    {"precision", flow_precision, NULL, "\"mixed\" if coefficients of high orders are float, else \"double\".", NULL},
    {0},
};

static PyType_Slot flow_slots[] = {
    {Py_tp_doc, "flow(sys, tol, memory_limit, max_steps, nthreads, order, execution, precision, lanes)"},
    {Py_tp_new, flow_new},
    {Py_tp_dealloc, flow_dealloc},
    {Py_tp_methods, flow_methods},
    {Py_tp_getset, flow_properties},
    {0, NULL},
};

static PyMethodDef tape_methods[] = {
    {"pull", tape_pull, METH_VARARGS, "pull(x0_bar, ts_bar, pars_bar, ys_bar, report)"},
    {0},
};

static PyType_Slot tape_slots[] = {
    {Py_tp_doc, "What a run of a flow keeps for the way back."},
    {Py_tp_dealloc, tape_dealloc},
    {Py_tp_methods, tape_methods},
    {0, NULL},
};

static PyType_Spec flow_spec = {.name = "tayra._core.flow", .basicsize = sizeof(flow), .slots = flow_slots,
                                .flags = Py_TPFLAGS_DEFAULT};
static PyType_Spec tape_spec = {.name = "tayra._core.tape", .basicsize = sizeof(tape), .slots = tape_slots,
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION};

bool core_add_flow(PyObject *module)
{
    return core_add_type(module, &flow_spec) && (tape_type = core_add_type(module, &tape_spec));
}
