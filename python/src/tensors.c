/*
 * Tensors of derivatives: the entries, by number. What finds an entry by its indices is in python/tayra/tensors.py.
 */
#include "core.h"

typedef struct tensors {
    PyObject_HEAD
    tay_tensors *t;
    size_t n_args;
} tensors;

static PyObject *tensors_new(PyTypeObject *type, PyObject *a, PyObject *Py_UNUSED(kwargs))
{
    PyObject *o[2];
    unsigned int order;
    core_exprs fn = {0}, args = {0};
    tensors *self = NULL;
    if (!PyArg_ParseTuple(a, "OOI:tensors", &o[0], &o[1], &order)) {
        return NULL;
    }
    if (core_exprs_get(&fn, o[0], "func") && core_exprs_get(&args, o[1], "diff_args")) {
        tay_tensors *t = NULL;
        tay_status status;
        Py_BEGIN_ALLOW_THREADS
        status = tay_tensors_create(&t, fn.e, fn.n, args.e, args.n, order);
        Py_END_ALLOW_THREADS
        if (status) {
            core_raise(status);
        } else if ((self = PyObject_New(tensors, type))) {
            self->t = t;
            self->n_args = args.n;
        } else {
            tay_tensors_free(t);
        }
    }
    core_exprs_free(&fn);
    core_exprs_free(&args);
    return (PyObject *)self;
}

static void tensors_dealloc(PyObject *self)
{
    tay_tensors_free(((tensors *)self)->t);
    core_free_object(self);
}

static Py_ssize_t tensors_length(PyObject *self)
{
    return (Py_ssize_t)tay_tensors_count(((tensors *)self)->t);
}

static PyObject *no_entry(Py_ssize_t k)
{
    return PyErr_Format(PyExc_IndexError, "there is no derivative at index %zd", k);
}

static PyObject *tensors_item(PyObject *o, Py_ssize_t k)
{
    tensors *self = (tensors *)o;
    const tay_expr *e = k < 0 ? NULL : tay_tensors_get(self->t, (size_t)k, NULL, NULL);
    return e ? core_expr_share(e) : no_entry(k);
}

/* indices(k): [component, orders with respect to each argument...]. */
static PyObject *tensors_indices(PyObject *o, PyObject *number)
{
    tensors *self = (tensors *)o;
    Py_ssize_t k = PyLong_AsSsize_t(number);
    if (k == -1 && PyErr_Occurred()) {
        return NULL;
    }
    uint32_t component, *indices = core_alloc(self->n_args, sizeof *indices);
    if (!indices) {
        return NULL;
    }
    PyObject *list = NULL;
    if (k < 0 || !tay_tensors_get(self->t, (size_t)k, &component, indices)) {
        no_entry(k);
    } else {
        list = core_index_list(component, indices, self->n_args);
    }
    PyMem_Free(indices);
    return list;
}

static PyMethodDef methods[] = {
    {"indices", tensors_indices, METH_O, "indices(k): the component, and the orders with respect to each argument."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "tensors(func, args, order): all derivatives up to an order, by number."},
    {Py_tp_new, tensors_new},
    {Py_tp_dealloc, tensors_dealloc},
    {Py_tp_methods, methods},
    {Py_sq_length, tensors_length},
    {Py_sq_item, tensors_item},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra._core.tensors",
    .basicsize = sizeof(tensors),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool core_add_tensors(PyObject *module)
{
    return core_add_type(module, &spec) != NULL;
}
