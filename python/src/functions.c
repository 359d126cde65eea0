/*
 * Functions of expressions: calls of the table's functions, sums and products, derivatives, substitution, questions,
 * files.
 */
#include "core.h"

/* The functions of the table that Python calls by name; `call` takes the name's code. */
static const struct {
    const char *name;
    tay_function function;
} table[] = {
    {"exp", TAY_EXP},           {"expm1", TAY_EXPM1},
    {"log", TAY_LOG},           {"log1p", TAY_LOG1P},
    {"sin", TAY_SIN},           {"cos", TAY_COS},
    {"tan", TAY_TAN},           {"asin", TAY_ASIN},
    {"acos", TAY_ACOS},         {"atan", TAY_ATAN},
    {"atan2", TAY_ATAN2},       {"sinh", TAY_SINH},
    {"cosh", TAY_COSH},         {"tanh", TAY_TANH},
    {"asinh", TAY_ASINH},       {"acosh", TAY_ACOSH},
    {"atanh", TAY_ATANH},       {"erf", TAY_ERF},
    {"erfc", TAY_ERFC},         {"sigmoid", TAY_SIGMOID},
    {"kepE", TAY_KEPE},         {"kepF", TAY_KEPF},
    {"kepDE", TAY_KEPDE},       {"relu", TAY_RELU},
    {"relup", TAY_RELUP},
    {"select", TAY_SELECT},     {"eq", TAY_EQ},
    {"neq", TAY_NEQ},           {"lt", TAY_LT},
    {"gt", TAY_GT},             {"lte", TAY_LTE},
    {"gte", TAY_GTE},           {"logical_and", TAY_LOGICAL_AND},
    {"logical_or", TAY_LOGICAL_OR},
};

static PyObject *function_codes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    PyObject *codes = PyDict_New();
    for (size_t i = 0; codes && i < sizeof table / sizeof table[0]; i++) {
        PyObject *code = PyLong_FromLong(table[i].function);
        if (!code || PyDict_SetItemString(codes, table[i].name, code) < 0) {
            Py_CLEAR(codes);
        }
        Py_XDECREF(code);
    }
    return codes;
}

static const char *name_of(long code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if ((long)table[i].function == code) {
            return table[i].name;
        }
    }
    return NULL;
}

#define MAX_CALL 3 /* arguments of one call here; those with more take a sequence */

/* call(code, arguments...): at least one of the arguments must be an expression, the others may be numbers. */
static PyObject *call(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_ssize_t n = PyTuple_Size(args) - 1;
    long code = n >= 1 ? PyLong_AsLong(PyTuple_GetItem(args, 0)) : -1;
    const char *name = name_of(code);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (!name || n > MAX_CALL) {
        PyErr_SetString(PyExc_ValueError, "call: an unknown function, or too many arguments");
        return NULL;
    }
    tay_expr *e[MAX_CALL] = {NULL}, *result;
    bool any = false;
    int found = 1;
    for (Py_ssize_t i = 0; found > 0 && i < n; i++) {
        PyObject *item = PyTuple_GetItem(args, i + 1);
        any = any || core_is_expr(item);
        found = core_expr_from(&e[i], item);
    }
    PyObject *out = NULL;
    if (found == 0 || (found > 0 && !any)) {
        PyErr_Format(PyExc_TypeError,
                     n == 1 ? "%s(): the argument must be an expression"
                            : "%s(): the arguments must be expressions or numbers, at least one an expression",
                     name);
    } else if (found > 0) {
        tay_status status = tay_expr_function(&result, (tay_function)code, (const tay_expr *const *)e, (size_t)n);
        out = status ? core_raise(status) : core_expr_wrap(result);
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        tay_expr_unref(e[i]);
    }
    return out;
}

/* Functions of a sequence: sum, product, logical and/or. */

typedef tay_status sequence_function(tay_expr **out, const tay_expr *const *e, size_t n);

static PyObject *of_sequence(PyObject *o, sequence_function *f)
{
    core_exprs terms;
    tay_expr *e;
    if (!core_exprs_get(&terms, o, "terms")) {
        return NULL;
    }
    tay_status status = f(&e, terms.e, terms.n);
    core_exprs_free(&terms);
    return status ? core_raise(status) : core_expr_wrap(e);
}

static tay_status logical(tay_expr **out, tay_function function, const tay_expr *const *e, size_t n)
{
    if (n == 0) {
        return tay_expr_number(out, function == TAY_LOGICAL_AND ? 1.0 : 0.0);
    }
    if (n == 1) {
        *out = tay_expr_ref(e[0]);
        return TAY_OK;
    }
    return tay_expr_function(out, function, e, n);
}

static tay_status all_of(tay_expr **out, const tay_expr *const *e, size_t n)
{
    return logical(out, TAY_LOGICAL_AND, e, n);
}

static tay_status any_of(tay_expr **out, const tay_expr *const *e, size_t n)
{
    return logical(out, TAY_LOGICAL_OR, e, n);
}

static PyObject *sum(PyObject *Py_UNUSED(self), PyObject *terms)
{
    return of_sequence(terms, tay_expr_sum);
}

static PyObject *prod(PyObject *Py_UNUSED(self), PyObject *terms)
{
    return of_sequence(terms, tay_expr_prod);
}

static PyObject *logical_and(PyObject *Py_UNUSED(self), PyObject *terms)
{
    return of_sequence(terms, all_of);
}

static PyObject *logical_or(PyObject *Py_UNUSED(self), PyObject *terms)
{
    return of_sequence(terms, any_of);
}

/* Leaves. */

static PyObject *parameter(PyObject *Py_UNUSED(self), PyObject *index)
{
    tay_expr *e;
    PyObject *number = PyNumber_Index(index);
    if (!number) {
        return NULL;
    }
    unsigned long i = PyLong_AsUnsignedLong(number);
    Py_DECREF(number);
    if (i == (unsigned long)-1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_TypeError, "the index of a parameter must be a non-negative integer less than %lu, not %S",
                         (unsigned long)TAY_MAX_PARAMETER, index);
        }
        return NULL;
    }
    if (i >= TAY_MAX_PARAMETER) {
        return PyErr_Format(PyExc_TypeError, "the index of a parameter must be less than %lu, not %lu",
                            (unsigned long)TAY_MAX_PARAMETER, i);
    }
    tay_status status = tay_expr_parameter(&e, (uint32_t)i);
    return status ? core_raise(status) : core_expr_wrap(e);
}

static PyObject *time_expression(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    tay_expr *e;
    tay_status status = tay_expr_time(&e);
    return status ? core_raise(status) : core_expr_wrap(e);
}

static PyObject *pi_expression(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    tay_expr *e;
    tay_status status = tay_expr_function(&e, TAY_PI, NULL, 0);
    return status ? core_raise(status) : core_expr_wrap(e);
}

static PyObject *sqrt_expression(PyObject *Py_UNUSED(self), PyObject *x)
{
    tay_expr *e;
    if (!core_is_expr(x)) {
        PyErr_SetString(PyExc_TypeError, "sqrt(): the argument must be an expression");
        return NULL;
    }
    tay_status status = tay_expr_sqrt(&e, core_expr_get(x));
    return status ? core_raise(status) : core_expr_wrap(e);
}

/* The arguments of e, a tuple. */
static PyObject *arguments_of(const tay_expr *e)
{
    Py_ssize_t n = (Py_ssize_t)tay_expr_n_args(e);
    PyObject *args = PyTuple_New(n);
    for (Py_ssize_t i = 0; args && i < n; i++) {
        PyObject *arg = core_expr_share(tay_expr_arg(e, (size_t)i));
        if (!arg || PyTuple_SetItem(args, i, arg) < 0) {
            Py_CLEAR(args);
        }
    }
    return args;
}

static PyObject *parts(PyObject *Py_UNUSED(self), PyObject *x)
{
    if (!core_is_expr(x)) {
        PyErr_SetString(PyExc_TypeError, "parts(): the argument must be an expression");
        return NULL;
    }
    const tay_expr *e = core_expr_get(x);
    switch (tay_expr_get_kind(e)) {
    case TAY_KIND_NUMBER:
        return Py_BuildValue("sd", "number", tay_expr_value(e));
    case TAY_KIND_VARIABLE:
        return Py_BuildValue("ss", "variable", tay_expr_name(e));
    case TAY_KIND_PARAMETER:
        return Py_BuildValue("sk", "parameter", (unsigned long)tay_expr_index(e));
    case TAY_KIND_TIME:
        return Py_BuildValue("sO", "time", Py_None);
    default:
        return Py_BuildValue("sN", tay_expr_function_name(e), arguments_of(e));
    }
}

/* Derivatives and substitution. */

/* diff(expressions, variable or parameter): a list. */
static PyObject *diff(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *o, *wrt;
    core_exprs fn;
    if (!PyArg_ParseTuple(args, "OO:diff", &o, &wrt)) {
        return NULL;
    }
    if (!core_is_expr(wrt)) {
        PyErr_SetString(PyExc_TypeError, "diff(): var must be an expression or the name of a variable");
        return NULL;
    }
    if (!core_exprs_get(&fn, o, "arg")) {
        return NULL;
    }
    tay_expr **e = core_alloc(fn.n, sizeof *e);
    tay_status status = TAY_OK;
    size_t n = 0;
    while (e && n < fn.n && !(status = tay_expr_diff(&e[n], fn.e[n], core_expr_get(wrt)))) {
        n++;
    }
    PyObject *result = NULL;
    if (status) {
        core_raise(status);
        for (size_t i = 0; i < n; i++) {
            tay_expr_unref(e[i]);
        }
    } else if (e) {
        result = core_expr_list(e, n);
    }
    PyMem_Free(e);
    core_exprs_free(&fn);
    return result;
}

/* subs(expressions, from, to): a list; everything is replaced at once. */
static PyObject *subs(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *o[3], *result = NULL;
    core_exprs fn = {0}, from = {0}, to = {0};
    if (!PyArg_ParseTuple(args, "OOO:subs", &o[0], &o[1], &o[2])) {
        return NULL;
    }
    if (core_exprs_get(&fn, o[0], "arg") && core_exprs_get(&from, o[1], "keys of smap") &&
        core_exprs_get(&to, o[2], "values of smap")) {
        tay_expr **e = core_alloc(fn.n, sizeof *e);
        if (e && from.n != to.n) {
            PyErr_SetString(PyExc_ValueError, "subs(): as many keys as values were expected");
        } else if (e) {
            tay_status status = tay_expr_subs(e, fn.e, fn.n, from.e, to.e, from.n);
            result = status ? core_raise(status) : core_expr_list(e, fn.n);
        }
        PyMem_Free(e);
    }
    core_exprs_free(&fn);
    core_exprs_free(&from);
    core_exprs_free(&to);
    return result;
}

/* Questions. */

typedef tay_status collect_function(tay_expr ***out, size_t *count, const tay_expr *const *e, size_t n);

static PyObject *collect(PyObject *o, collect_function *f)
{
    core_exprs fn;
    tay_expr **e;
    size_t n;
    if (!core_exprs_get(&fn, o, "arg")) {
        return NULL;
    }
    tay_status status = f(&e, &n, fn.e, fn.n);
    core_exprs_free(&fn);
    if (status) {
        return core_raise(status);
    }
    PyObject *result = core_expr_list(e, n);
    tay_free(e);
    return result;
}

static PyObject *variables(PyObject *Py_UNUSED(self), PyObject *fn)
{
    return collect(fn, tay_expr_variables);
}

static PyObject *parameters(PyObject *Py_UNUSED(self), PyObject *fn)
{
    return collect(fn, tay_expr_parameters);
}

/* Bytes. */

static PyObject *save(PyObject *Py_UNUSED(self), PyObject *o)
{
    core_exprs fn;
    uint8_t *data;
    size_t size;
    if (!core_exprs_get(&fn, o, "expressions")) {
        return NULL;
    }
    tay_status status = tay_expr_save(&data, &size, fn.e, fn.n);
    core_exprs_free(&fn);
    if (status) {
        return core_raise(status);
    }
    PyObject *result = PyBytes_FromStringAndSize((char *)data, (Py_ssize_t)size);
    tay_free(data);
    return result;
}

static PyObject *load(PyObject *Py_UNUSED(self), PyObject *bytes)
{
    char *data;
    Py_ssize_t size;
    tay_expr **e;
    size_t n;
    if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) {
        return NULL;
    }
    tay_status status = tay_expr_load(&e, &n, (const uint8_t *)data, (size_t)size);
    if (status) {
        return core_raise(status);
    }
    PyObject *result = core_expr_list(e, n);
    tay_free(e);
    return result;
}

static PyObject *load_expression(PyObject *self, PyObject *bytes)
{
    PyObject *list = load(self, bytes);
    if (!list) {
        return NULL;
    }
    PyObject *result = NULL;
    if (PyList_Size(list) == 1) {
        result = Py_NewRef(PyList_GetItem(list, 0));
    } else {
        PyErr_SetString(PyExc_ValueError, "the data do not hold one expression");
    }
    Py_DECREF(list);
    return result;
}

PyMethodDef core_function_methods[] = {
    {"function_codes", function_codes, METH_NOARGS, "The functions' codes by name, for call()."},
    {"call", call, METH_VARARGS, "call(code, *arguments): a function of the table."},
    {"sum", sum, METH_O, "The sum of a sequence of expressions."},
    {"prod", prod, METH_O, "The product of a sequence of expressions."},
    {"logical_and", logical_and, METH_O, "1 if all of a sequence are not 0, else 0."},
    {"logical_or", logical_or, METH_O, "1 if any of a sequence is not 0, else 0."},
    {"sqrt", sqrt_expression, METH_O, "The square root."},
    {"parameter", parameter, METH_O, "The parameter of an index."},
    {"time", time_expression, METH_NOARGS, "The time."},
    {"pi", pi_expression, METH_NOARGS, "The constant pi."},
    {"parts", parts, METH_O, "What it is, and is made of: ('number', 1.0), ('sum', (x, y)), ..."},
    {"diff", diff, METH_VARARGS, "diff(expressions, variable or parameter): the list of derivatives."},
    {"subs", subs, METH_VARARGS, "subs(expressions, from, to): the list of the expressions after replacement."},
    {"variables", variables, METH_O, "The variables in a sequence of expressions, sorted by name."},
    {"parameters", parameters, METH_O, "The parameters in a sequence of expressions, sorted by index."},
    {"save", save, METH_O, "A sequence of expressions as bytes."},
    {"load", load, METH_O, "The list of expressions in the bytes of save()."},
    {"load_expression", load_expression, METH_O, "The one expression in the bytes of save()."},
    {0},
};
