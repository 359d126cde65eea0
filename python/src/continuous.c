/*
 * Continuous output of a propagation: states at any times, and the steps' jets.
 */
#include "core.h"

typedef struct continuous {
    PyObject_HEAD
    tay_continuous *c;
} continuous;

static PyTypeObject *continuous_type;

PyObject *core_continuous_wrap(tay_continuous *c)
{
    continuous *self = PyObject_New(continuous, continuous_type);
    if (!self) {
        tay_continuous_free(c);
        return NULL;
    }
    self->c = c;
    return (PyObject *)self;
}

static tay_continuous *get(PyObject *self)
{
    return ((continuous *)self)->c;
}

static void continuous_dealloc(PyObject *self)
{
    tay_continuous_free(get(self));
    core_free_object(self);
}

/* eval(out, times): out has len(times) rows of dim. */
static PyObject *continuous_eval(PyObject *self, PyObject *args)
{
    PyObject *o[2], *result = NULL;
    Py_buffer out, times;
    if (!PyArg_ParseTuple(args, "OO:eval", &o[0], &o[1]) || !core_buffer_get(&times, o[1], 'd', -1, false, "time")) {
        return NULL;
    }
    Py_ssize_t n = times.len / times.itemsize;
    if (core_buffer_get(&out, o[0], 'd', n * (Py_ssize_t)tay_continuous_dim(get(self)), true, "out")) {
        tay_status status;
        Py_BEGIN_ALLOW_THREADS
        status = tay_continuous_eval(out.buf, get(self), times.buf, (size_t)n);
        Py_END_ALLOW_THREADS
        result = status ? core_raise(status) : Py_NewRef(Py_None);
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&times);
    return result;
}

static PyObject *continuous_times(PyObject *self, PyObject *o)
{
    Py_buffer out;
    if (!core_buffer_get(&out, o, 'd', (Py_ssize_t)tay_continuous_n_steps(get(self)) + 1, true, "out")) {
        return NULL;
    }
    tay_continuous_times(out.buf, get(self));
    PyBuffer_Release(&out);
    return Py_NewRef(Py_None);
}

/* jets(out): out[n_steps][dim][order + 1]. */
static PyObject *continuous_jets(PyObject *self, PyObject *o)
{
    const tay_continuous *c = get(self);
    size_t n_steps = tay_continuous_n_steps(c), dim = tay_continuous_dim(c), n = tay_continuous_order(c) + (size_t)1;
    Py_buffer out;
    if (!core_buffer_get(&out, o, 'd', (Py_ssize_t)(n_steps * dim * n), true, "out")) {
        return NULL;
    }
    double *to = out.buf;
    for (size_t step = 0; step < n_steps; step++) {
        const double *jet = tay_continuous_jet(c, step);
        for (size_t i = 0; i < dim; i++) {
            for (size_t k = 0; k < n; k++) {
                *to++ = jet[k * dim + i];
            }
        }
    }
    PyBuffer_Release(&out);
    return Py_NewRef(Py_None);
}

static PyObject *continuous_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    tay_continuous *copy;
    tay_status status = tay_continuous_copy(&copy, get(self));
    return status ? core_raise(status) : core_continuous_wrap(copy);
}

static PyObject *continuous_bounds(PyObject *self, void *Py_UNUSED(closure))
{
    double begin, end;
    tay_continuous_bounds(get(self), &begin, &end);
    return Py_BuildValue("(dd)", begin, end);
}

static PyObject *continuous_n_steps(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_continuous_n_steps(get(self)));
}

static PyObject *continuous_dim(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_continuous_dim(get(self)));
}

static PyObject *continuous_order(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(tay_continuous_order(get(self)));
}

static PyMethodDef methods[] = {
    {"eval", continuous_eval, METH_VARARGS, "eval(out, times): the states at the times."},
    {"times", continuous_times, METH_O, "times(out): the beginnings of the steps, and the end of the last."},
    {"jets", continuous_jets, METH_O, "jets(out): the Taylor coefficients of all steps."},
    {"copy", continuous_copy, METH_NOARGS, "An independent copy."},
    {0},
};

static PyGetSetDef properties[] = {
    {"bounds", continuous_bounds, NULL, "First and last time, in the direction of the propagation.", NULL},
    {"n_steps", continuous_n_steps, NULL, "The number of steps.", NULL},
    {"dim", continuous_dim, NULL, "The number of variables.", NULL},
    {"order", continuous_order, NULL, "The order of the jets.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Continuous output of a propagation."},
    {Py_tp_dealloc, continuous_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra._core.continuous",
    .basicsize = sizeof(continuous),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

bool core_add_continuous(PyObject *module)
{
    continuous_type = core_add_type(module, &spec);
    return continuous_type != NULL;
}
