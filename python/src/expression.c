/*
 * The type expression: numbers, variables, parameters and what is built of them by operators. Immutable, hashed and
 * compared by structure. A number on either side of an operator becomes an expression; what is neither number nor
 * expression is left to the other operand, which is how numpy's arrays apply an operator to each element.
 */
#include "core.h"

#include <string.h>

PyTypeObject *core_expr_type;

bool core_is_expr(PyObject *o)
{
    return Py_TYPE(o) == core_expr_type;
}

const tay_expr *core_expr_get(PyObject *o)
{
    return ((core_expr *)o)->e;
}

PyObject *core_expr_wrap(tay_expr *e)
{
    core_expr *self = PyObject_New(core_expr, core_expr_type);
    if (!self) {
        tay_expr_unref(e);
        return NULL;
    }
    self->e = e;
    return (PyObject *)self;
}

PyObject *core_expr_share(const tay_expr *e)
{
    return core_expr_wrap(tay_expr_ref(e));
}

static void expr_dealloc(PyObject *self)
{
    tay_expr_unref(((core_expr *)self)->e);
    core_free_object(self);
}

static PyObject *from_name(PyObject *text)
{
    tay_expr *e;
    Py_ssize_t size;
    const char *name = PyUnicode_AsUTF8AndSize(text, &size);
    if (!name) {
        return NULL;
    }
    if (strlen(name) != (size_t)size) {
        PyErr_SetString(PyExc_ValueError, "the name of a variable must not contain a null character");
        return NULL;
    }
    tay_status status = tay_expr_variable(&e, name);
    return status ? core_raise(status) : core_expr_wrap(e);
}

static PyObject *expr_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"x", NULL};
    PyObject *x = NULL;
    tay_expr *e;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:expression", names, &x)) {
        return NULL;
    }
    if (x && PyUnicode_Check(x)) {
        return from_name(x);
    }
    if (!x) {
        tay_status status = tay_expr_number(&e, 0.0);
        return status ? core_raise(status) : core_expr_wrap(e);
    }
    int found = core_expr_from(&e, x);
    if (found > 0) {
        return core_expr_wrap(e);
    }
    if (found == 0) {
        core_raise_type(x, "x: a number, a name or an expression was expected");
    }
    return NULL;
}

/* Operators. */

typedef tay_status binary_function(tay_expr **out, const tay_expr *a, const tay_expr *b);

static PyObject *binary(PyObject *a, PyObject *b, binary_function *f)
{
    tay_expr *x = NULL, *y = NULL, *e;
    PyObject *result = NULL;
    int found = core_expr_from(&x, a);
    if (found > 0) {
        found = core_expr_from(&y, b);
    }
    if (found > 0) {
        tay_status status = f(&e, x, y);
        result = status ? core_raise(status) : core_expr_wrap(e);
    } else if (found == 0) {
        result = Py_NewRef(Py_NotImplemented);
    }
    tay_expr_unref(x);
    tay_expr_unref(y);
    return result;
}

static PyObject *expr_add(PyObject *a, PyObject *b)
{
    return binary(a, b, tay_expr_add);
}

static PyObject *expr_sub(PyObject *a, PyObject *b)
{
    return binary(a, b, tay_expr_sub);
}

static PyObject *expr_mul(PyObject *a, PyObject *b)
{
    return binary(a, b, tay_expr_mul);
}

static PyObject *expr_div(PyObject *a, PyObject *b)
{
    return binary(a, b, tay_expr_div);
}

static PyObject *expr_pow(PyObject *a, PyObject *b, PyObject *modulus)
{
    if (modulus != Py_None) {
        return Py_NewRef(Py_NotImplemented);
    }
    return binary(a, b, tay_expr_pow);
}

static PyObject *expr_neg(PyObject *a)
{
    tay_expr *e;
    tay_status status = tay_expr_neg(&e, core_expr_get(a));
    return status ? core_raise(status) : core_expr_wrap(e);
}

static PyObject *expr_self(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return Py_NewRef(self);
}

static PyObject *expr_pos(PyObject *self)
{
    return Py_NewRef(self);
}

/* Structure. */

static PyObject *expr_compare(PyObject *a, PyObject *b, int op)
{
    if ((op != Py_EQ && op != Py_NE) || !core_is_expr(a) || !core_is_expr(b)) {
        return Py_NewRef(Py_NotImplemented);
    }
    return PyBool_FromLong(tay_expr_equal(core_expr_get(a), core_expr_get(b)) == (op == Py_EQ));
}

static Py_hash_t expr_hash(PyObject *self)
{
    Py_hash_t hash = (Py_hash_t)tay_expr_hash(core_expr_get(self));
    return hash == -1 ? -2 : hash;
}

static Py_ssize_t expr_length(PyObject *self)
{
    size_t n = tay_expr_size(core_expr_get(self));
    return n < (size_t)PY_SSIZE_T_MAX ? (Py_ssize_t)n : PY_SSIZE_T_MAX;
}

static PyObject *expr_repr(PyObject *self)
{
    char *text;
    tay_status status = tay_expr_to_string(&text, core_expr_get(self));
    if (status) {
        return core_raise(status);
    }
    PyObject *result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    tay_free(text);
    return result;
}

static PyObject *expr_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *module = PyImport_ImportModule("tayra._core");
    PyObject *load = module ? PyObject_GetAttrString(module, "load_expression") : NULL;
    PyObject *bytes = load ? PyObject_CallMethod(module, "save", "((O))", self) : NULL;
    PyObject *result = bytes ? Py_BuildValue("O(O)", load, bytes) : NULL;
    Py_XDECREF(bytes);
    Py_XDECREF(load);
    Py_XDECREF(module);
    return result;
}

static PyMethodDef methods[] = {
    {"__copy__", expr_self, METH_NOARGS, "The expression itself: expressions never change."},
    {"__deepcopy__", expr_self, METH_O, "The expression itself: expressions never change."},
    {"__reduce__", expr_reduce, METH_NOARGS, "For pickle."},
    {0},
};

static const char documentation[] =
    "expression(x=0.)\n--\n\n"
    "A symbolic expression, made of a number, of the name of a variable, or of an expression.\n\n"
    "Expressions are combined by ``+ - * / **`` with each other, with numbers, and with numpy arrays (element by\n"
    "element), and by the functions of this package. They never change; ``==`` and ``hash`` are by structure; ``len``\n"
    "counts the nodes.\n\n"
    "Raises TypeError if x is something else, ValueError if the name is empty.";

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)documentation},
    {Py_tp_new, expr_new},
    {Py_tp_dealloc, expr_dealloc},
    {Py_tp_repr, expr_repr},
    {Py_tp_hash, expr_hash},
    {Py_tp_richcompare, expr_compare},
    {Py_tp_methods, methods},
    {Py_sq_length, expr_length},
    {Py_nb_add, expr_add},
    {Py_nb_subtract, expr_sub},
    {Py_nb_multiply, expr_mul},
    {Py_nb_true_divide, expr_div},
    {Py_nb_power, expr_pow},
    {Py_nb_negative, expr_neg},
    {Py_nb_positive, expr_pos},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "tayra.expression",
    .basicsize = sizeof(core_expr),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool core_add_expr(PyObject *module)
{
    core_expr_type = core_add_type(module, &spec);
    return core_expr_type != NULL;
}
