/*
 * Variational systems: made once, taken by integrators without a way through Python lists.
 */
#include "variational.h"

PyTypeObject *core_variational_type;

/* variational(sys, which, args, order): `which` is a sum of bits, or 0 and then args is a sequence of expressions. */
static PyObject *variational_new(PyTypeObject *type, PyObject *a, PyObject *Py_UNUSED(kwargs))
{
    PyObject *sys, *o;
    unsigned int which, order;
    core_system system = {0};
    core_exprs args = {0};
    core_variational *self = NULL;
    if (!PyArg_ParseTuple(a, "OIOI:variational", &sys, &which, &o, &order)) {
        return NULL;
    }
    if (core_system_get(&system, sys) && core_exprs_get(&args, o, "args")) {
        tay_variational_options options = {
            .size = sizeof options, .order = order, .which = which, .args = which ? NULL : args.e, .n_args = args.n};
        tay_variational *v = NULL;
        tay_status status;
        Py_BEGIN_ALLOW_THREADS
        status = tay_variational_create(&v, system.vars, system.rhs, system.n, &options);
        Py_END_ALLOW_THREADS
        if (status) {
            core_raise(status);
        } else if ((self = PyObject_New(core_variational, type))) {
            self->v = v;
        } else {
            tay_variational_free(v);
        }
    }
    core_system_free(&system);
    core_exprs_free(&args);
    return (PyObject *)self;
}

static const tay_variational *get(PyObject *self)
{
    return ((core_variational *)self)->v;
}

static void variational_dealloc(PyObject *self)
{
    tay_variational_free(((core_variational *)self)->v);
    core_free_object(self);
}

PyObject *core_equations(const tay_expr *const *vars, const tay_expr *const *rhs, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *pair = Py_BuildValue("(NN)", core_expr_share(vars[i]), core_expr_share(rhs[i]));
        if (!pair) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, pair);
        }
    }
    return list;
}

static PyObject *variational_equations(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const tay_variational *v = get(self);
    return core_equations(tay_variational_vars(v), tay_variational_rhs(v), tay_variational_n_total(v));
}

static PyObject *variational_args(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const tay_variational *v = get(self);
    size_t n = tay_variational_n_args(v);
    const tay_expr *const *args = tay_variational_args(v);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *arg = core_expr_share(args[i]);
        if (!arg) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, (Py_ssize_t)i, arg);
        }
    }
    return list;
}

/* slice(order, component): (begin, end), or None. */
static PyObject *variational_slice(PyObject *self, PyObject *args)
{
    unsigned int order;
    Py_ssize_t component;
    size_t begin, end;
    if (!PyArg_ParseTuple(args, "In:slice", &order, &component)) {
        return NULL;
    }
    if (component < 0 || !tay_variational_slice(get(self), order, (size_t)component, &begin, &end)) {
        return Py_NewRef(Py_None);
    }
    return Py_BuildValue("(nn)", (Py_ssize_t)begin, (Py_ssize_t)end);
}

/* multi_index(i): [component, orders with respect to each argument...]. */
static PyObject *variational_multi_index(PyObject *self, PyObject *number)
{
    const tay_variational *v = get(self);
    size_t n = tay_variational_n_args(v);
    Py_ssize_t i = PyLong_AsSsize_t(number);
    if (i == -1 && PyErr_Occurred()) {
        return NULL;
    }
    uint32_t component, *indices = core_alloc(n, sizeof *indices);
    if (!indices) {
        return NULL;
    }
    PyObject *list = NULL;
    if (i < 0 || !tay_variational_multi_index(v, (size_t)i, &component, indices)) {
        PyErr_Format(PyExc_ValueError, "there is no variable %zd: there are %zu", i, tay_variational_n_total(v));
    } else {
        list = core_index_list(component, indices, n);
    }
    PyMem_Free(indices);
    return list;
}

static PyObject *n_original(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_variational_n_original(get(self)));
}

static PyObject *n_total(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(tay_variational_n_total(get(self)));
}

static PyObject *variational_order(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(tay_variational_order(get(self)));
}

static PyMethodDef methods[] = {
    {"equations", variational_equations, METH_NOARGS, "All equations: a list of (variable, right-hand side)."},
    {"args", variational_args, METH_NOARGS, "The arguments of the derivatives."},
    {"slice", variational_slice, METH_VARARGS, "slice(order, component): (begin, end), or None."},
    {"multi_index", variational_multi_index, METH_O, "multi_index(i): component and orders of variable i."},
    {0},
};

static PyGetSetDef properties[] = {
    {"n_original", n_original, NULL, "The number of variables of the original system.", NULL},
    {"n_total", n_total, NULL, "The number of all variables.", NULL},
    {"order", variational_order, NULL, "The highest order of the derivatives.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "variational(sys, which, args, order)"},
    {Py_tp_new, variational_new},
    {Py_tp_dealloc, variational_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra._core.variational",
    .basicsize = sizeof(core_variational),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool core_add_variational(PyObject *module)
{
    core_variational_type = core_add_type(module, &spec);
    return core_variational_type != NULL;
}
