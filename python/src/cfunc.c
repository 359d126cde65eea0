/*
 * Compiled functions. The Python class (python/tayra/cfunc.py) checks shapes and makes arrays; here the numbers are
 * computed, without the interpreter's lock.
 */
#include "core.h"

typedef struct cfunc {
    PyObject_HEAD
    tay_cfunc *f;
} cfunc;

static PyObject *cfunc_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *o[2];
    int single, execution;
    core_exprs fn = {0}, vars = {0};
    cfunc *self = NULL;
    if (!PyArg_ParseTuple(args, "OOpi:cfunc", &o[0], &o[1], &single, &execution)) {
        return NULL;
    }
    if (core_exprs_get(&fn, o[0], "fn") && core_exprs_get(&vars, o[1], "vars")) {
        tay_cfunc_options options = {.size = sizeof options, .real = single ? TAY_FLOAT32 : TAY_FLOAT64,
                                     .execution = (tay_execution)execution};
        tay_cfunc *f = NULL;
        tay_status status;
        Py_BEGIN_ALLOW_THREADS
        status = tay_cfunc_create(&f, fn.e, fn.n, vars.e, vars.n, &options);
        Py_END_ALLOW_THREADS
        if (status) {
            core_raise(status);
        } else if (core_warn(4) && (self = PyObject_New(cfunc, type))) {
            self->f = f;
        } else {
            tay_cfunc_free(f);
        }
    }
    core_exprs_free(&fn);
    core_exprs_free(&vars);
    return (PyObject *)self;
}

static void cfunc_dealloc(PyObject *self)
{
    tay_cfunc_free(((cfunc *)self)->f);
    core_free_object(self);
}

/* eval(out, in, pars, time, n_points, shared, n_threads): contiguous arrays of the function's type; pars and time may be None. */
static PyObject *cfunc_eval(PyObject *o, PyObject *args)
{
    const tay_cfunc *f = ((cfunc *)o)->f;
    PyObject *a[4];
    Py_ssize_t n;
    int shared;
    unsigned int n_threads;
    if (!PyArg_ParseTuple(args, "OOOOnpI:eval", &a[0], &a[1], &a[2], &a[3], &n, &shared, &n_threads)) {
        return NULL;
    }
    size_t n_fn = tay_cfunc_n_fn(f), n_vars = tay_cfunc_n_vars(f), n_pars = tay_cfunc_n_pars(f);
    Py_ssize_t rows[4] = {(Py_ssize_t)n_fn, (Py_ssize_t)n_vars, (Py_ssize_t)n_pars, 1};
    static const char *const names[4] = {"outputs", "inputs", "pars", "time"};
    Py_buffer b[4];
    char format = tay_cfunc_real(f) == TAY_FLOAT32 ? 'f' : 'd';
    bool got[4] = {false};
    PyObject *result = NULL;
    for (int i = 0; i < 4; i++) {
        if (a[i] == Py_None && i >= 2) {
            continue;
        }
        Py_ssize_t points = shared && i >= 2 ? 1 : n;
        if (n < 0 || (points > 0 && rows[i] > PY_SSIZE_T_MAX / points)) {
            PyErr_SetString(PyExc_ValueError, "the number of points is negative or too large");
            goto out;
        }
        if (!(got[i] = core_buffer_get(&b[i], a[i], format, rows[i] * points, i == 0, names[i]))) {
            goto out;
        }
    }
    tay_cfunc_arguments arguments = {
        .size = sizeof arguments,
        .n_points = (size_t)n,
        .pars = got[2] ? b[2].buf : NULL,
        .time = got[3] ? b[3].buf : NULL,
        .shared_pars = shared,
        .shared_time = shared,
        .n_threads = n_threads,
    };
    tay_status status;
    Py_BEGIN_ALLOW_THREADS
    status = tay_cfunc_eval(f, b[0].buf, b[1].buf, &arguments);
    Py_END_ALLOW_THREADS
    result = status ? core_raise(status) : Py_NewRef(Py_None);
out:
    for (int i = 0; i < 4; i++) {
        if (got[i]) {
            PyBuffer_Release(&b[i]);
        }
    }
    return result;
}

static PyObject *cfunc_dump(PyObject *self, PyObject *Py_UNUSED(unused))
{
    char *text;
    tay_status status = tay_cfunc_dump(&text, ((cfunc *)self)->f);
    if (status) {
        return core_raise(status);
    }
    PyObject *result = PyUnicode_FromString(text);
    tay_free(text);
    return result;
}

static PyObject *cfunc_n_pars(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_cfunc_n_pars(((cfunc *)self)->f));
}

static PyObject *cfunc_has_time(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(tay_cfunc_has_time(((cfunc *)self)->f));
}

static PyObject *cfunc_execution(PyObject *self, void *Py_UNUSED(closure))
{
    return core_execution_name(tay_cfunc_execution(((cfunc *)self)->f));
}

static PyMethodDef methods[] = {
    {"eval", cfunc_eval, METH_VARARGS, "eval(out, in, pars, time, n_points, shared, n_threads): the values, into out."},
    {"dump", cfunc_dump, METH_NOARGS, "The program as text."},
    {0},
};

static PyGetSetDef properties[] = {
    {"n_pars", cfunc_n_pars, NULL, "1 + the highest index of a parameter.", NULL},
    {"has_time", cfunc_has_time, NULL, "Whether time occurs.", NULL},
    {"execution", cfunc_execution, NULL, "Who evaluates many points: \"vm\" or \"jit\".", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "cfunc(fn, vars, single_precision, execution)"},
    {Py_tp_new, cfunc_new},
    {Py_tp_dealloc, cfunc_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra._core.cfunc",
    .basicsize = sizeof(cfunc),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool core_add_cfunc(PyObject *module)
{
    return core_add_type(module, &spec) != NULL;
}
