/*
 * Python objects to expressions and back: numbers, sequences, systems of equations.
 */
#include "core.h"

/*
 * Whether float() of o is meant as a number: not for text, complex numbers, or arrays (which numpy treats by element).
 * An array without dimensions has no length, and is a number. -1: an exception is set.
 */
static int is_real_number(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    if (PyUnicode_Check(o) || PyBytes_Check(o) || PyComplex_Check(o)) {
        return 0;
    }
    if (PySequence_Check(o)) {
        if (PyObject_Size(o) >= 0) {
            return 0;
        }
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
            return -1;
        }
        PyErr_Clear();
    }
    return PyType_GetSlot(type, Py_nb_float) || PyType_GetSlot(type, Py_nb_index);
}

/* 1: a number; 0: none, or too large for a double; -1: an exception is set. */
static int number_from(double *out, PyObject *o)
{
    if (PyFloat_Check(o)) {
        *out = PyFloat_AsDouble(o);
        return 1;
    }
    int is_number = is_real_number(o);
    if (is_number <= 0) {
        return is_number;
    }
    *out = PyFloat_AsDouble(o);
    if (*out == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    return 1;
}

int core_expr_from(tay_expr **out, PyObject *o)
{
    double value;
    if (core_is_expr(o)) {
        *out = tay_expr_ref(core_expr_get(o));
        return 1;
    }
    int found = number_from(&value, o);
    if (found <= 0) {
        return found;
    }
    tay_status status = tay_expr_number(out, value);
    if (status) {
        core_raise(status);
        return -1;
    }
    return 1;
}

/* The items of a sequence or another iterable as a tuple; TypeError for what is none (text and dictionaries count as none). */
static PyObject *items_of(PyObject *o, const char *what)
{
    bool is_none = PyUnicode_Check(o) || PyBytes_Check(o) || PyDict_Check(o);
    PyObject *iterator = is_none ? NULL : PyObject_GetIter(o);
    if (!iterator) {
        if (is_none || PyErr_ExceptionMatches(PyExc_TypeError)) {
            core_raise_type(o, "%s: a sequence was expected", what);
        }
        return NULL;
    }
    /* A copy, also of a list: other threads may change that while it is read. */
    PyObject *items = PySequence_Tuple(iterator);
    Py_DECREF(iterator);
    return items;
}

static bool expect_expr(PyObject *item, const char *what, Py_ssize_t i)
{
    if (core_is_expr(item)) {
        return true;
    }
    core_raise_type(item, "%s: element %zd must be an expression", what, i);
    return false;
}

bool core_exprs_get(core_exprs *out, PyObject *o, const char *what)
{
    *out = (core_exprs){0};
    PyObject *items = items_of(o, what);
    if (!items) {
        return false;
    }
    Py_ssize_t n = PyTuple_Size(items);
    const tay_expr **e = core_alloc((size_t)n, sizeof *e);
    if (!e) {
        goto fail;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PyTuple_GetItem(items, i);
        if (!expect_expr(item, what, i)) {
            goto fail;
        }
        e[i] = core_expr_get(item);
    }
    *out = (core_exprs){e, (size_t)n, items};
    return true;
fail:
    PyMem_Free(e);
    Py_DECREF(items);
    return false;
}

void core_exprs_free(core_exprs *exprs)
{
    PyMem_Free(exprs->e);
    Py_XDECREF(exprs->holder);
    *exprs = (core_exprs){0};
}

PyObject *core_expr_list(tay_expr **e, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; i < n; i++) {
        PyObject *item = list ? core_expr_wrap(e[i]) : NULL;
        if (item) {
            PyList_SetItem(list, (Py_ssize_t)i, item);
        } else if (list) {
            Py_CLEAR(list); /* core_expr_wrap has released e[i] */
        } else {
            tay_expr_unref(e[i]);
        }
    }
    return list;
}

PyObject *core_index_list(uint32_t component, const uint32_t *orders, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n + 1);
    for (size_t i = 0; list && i <= n; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i == 0 ? component : orders[i - 1]);
        if (number) {
            PyList_SetItem(list, (Py_ssize_t)i, number);
        } else {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* One equation: any sequence of two expressions, which `holder` then keeps alive. */
static bool equation_get(core_system *out, PyObject *pair, Py_ssize_t i)
{
    PyObject *items = items_of(pair, "sys");
    if (!items) {
        return false;
    }
    bool ok = PySequence_Check(pair) && PyTuple_Size(items) == 2; /* a set has no first item */
    if (!ok) {
        PyErr_Format(PyExc_TypeError, "sys: element %zd must be a pair (variable, right-hand side)", i);
    }
    ok = ok && expect_expr(PyTuple_GetItem(items, 0), "sys, variable", i) &&
         expect_expr(PyTuple_GetItem(items, 1), "sys, right-hand side", i);
    if (ok) {
        out->vars[i] = core_expr_get(PyTuple_GetItem(items, 0));
        out->rhs[i] = core_expr_get(PyTuple_GetItem(items, 1));
        Py_INCREF(items);
        PyList_SetItem(out->holder, i, items);
    }
    Py_DECREF(items);
    return ok;
}

bool core_system_get(core_system *out, PyObject *o)
{
    *out = (core_system){0};
    core_system s = {0};
    PyObject *items = items_of(o, "sys");
    if (!items) {
        return false;
    }
    Py_ssize_t n = PyTuple_Size(items);
    if (n == 0) {
        PyErr_SetString(PyExc_ValueError, "sys: at least one pair (variable, right-hand side) was expected, but there is none");
        Py_DECREF(items);
        return false;
    }
    s.n = (size_t)n;
    s.holder = PyList_New(n);
    s.vars = core_alloc((size_t)n, sizeof *s.vars);
    s.rhs = core_alloc((size_t)n, sizeof *s.rhs);
    bool ok = s.holder && s.vars && s.rhs;
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        ok = equation_get(&s, PyTuple_GetItem(items, i), i);
    }
    Py_DECREF(items);
    if (!ok) {
        core_system_free(&s);
        return false;
    }
    *out = s;
    return true;
}

void core_system_free(core_system *system)
{
    PyMem_Free(system->vars);
    PyMem_Free(system->rhs);
    Py_XDECREF(system->holder);
    *system = (core_system){0};
}
