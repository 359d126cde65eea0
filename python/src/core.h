/*
 * What the files of the Python module share: errors, expressions and arrays of them, buffers, and the types.
 *
 * The module uses only the stable part of Python's C interface and only the public headers of tayra. It does what has
 * to be fast or must not hold the interpreter's lock; checks of arguments that need numpy, and everything that people
 * read, are Python (python/tayra).
 */
#ifndef TAYRA_PYTHON_CORE_H
#define TAYRA_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "tayra.h"

/* Errors. */

/* Sets the exception for a status that is not TAY_OK, with this thread's message, and returns NULL. */
PyObject *core_raise(tay_status status);
/* TypeError: what was expected, in PyErr_Format's words, "not" the type of o. Replaces an exception that is set. Returns NULL. */
PyObject *core_raise_type(PyObject *o, const char *format, ...);
/* Gives Python the warning that the library had in this thread since the last call, if any: a RuntimeWarning of the Python code
 * stack_level - 1 calls up. False: an exception is set, since warnings are to be errors. */
bool core_warn(int stack_level);
/* "vm" or "jit" */
PyObject *core_execution_name(tay_execution execution);

/* Expressions. */

typedef struct core_expr {
    PyObject_HEAD
    tay_expr *e;
} core_expr;

extern PyTypeObject *core_expr_type;

bool core_is_expr(PyObject *o);
/* The expression in an object that core_is_expr accepts; borrowed. */
const tay_expr *core_expr_get(PyObject *o);
/* A new Python object, which takes over the reference e, also on failure. */
PyObject *core_expr_wrap(tay_expr *e);
/* As core_expr_wrap, with a new reference to e. */
PyObject *core_expr_share(const tay_expr *e);
/* 1: *out is a new reference, made of an expression or a number; 0: o is neither; -1: an exception is set. */
int core_expr_from(tay_expr **out, PyObject *o);

/* Expressions of a Python sequence; borrowed from `holder`, which keeps them alive. */
typedef struct core_exprs {
    const tay_expr **e;
    size_t n;
    PyObject *holder;
} core_exprs;

/* False: an exception is set (TypeError if o is not a sequence of expressions); `what` names the argument. */
bool core_exprs_get(core_exprs *out, PyObject *o, const char *what);
void core_exprs_free(core_exprs *exprs);
/* A list of n new objects, which take over the references e, also on failure. */
PyObject *core_expr_list(tay_expr **e, size_t n);

/* [component, orders with respect to each of n arguments...] of a derivative. */
PyObject *core_index_list(uint32_t component, const uint32_t *orders, size_t n);

/* Equations (variable, right-hand side) of a Python sequence of pairs; borrowed from `holder`. */
typedef struct core_system {
    const tay_expr **vars, **rhs;
    size_t n;
    PyObject *holder;
} core_system;

bool core_system_get(core_system *out, PyObject *o);
void core_system_free(core_system *system);

/* Memory for Python's side: n elements of the given size, at least one byte; NULL with MemoryError. */
void *core_alloc(size_t n, size_t size);

/* A clock that ticks 20 times a second, when long work looks for signals. */
typedef struct core_clock {
    double last, next;   /* seconds: when it was looked at, and when it ticks */
    unsigned skip, left; /* calls that do not look at it, and how many are left */
} core_clock;

void core_clock_start(core_clock *clock);
/* Whether a tick has passed since the last one that was seen. */
bool core_clock_ticks(core_clock *clock);

/* Buffers. */

/* An object that exports memory of `owner` (a Python object, kept alive) as an array; numpy.asarray makes it one. */
PyObject *core_view_new(PyObject *owner, const double *data, int ndim, const Py_ssize_t *shape,
                        const Py_ssize_t *strides, bool writable);
/*
 * A C-contiguous buffer of real numbers ('d' or 'f') with at least n elements (n < 0: any number). False: an exception
 * is set.
 */
bool core_buffer_get(Py_buffer *out, PyObject *o, char format, Py_ssize_t n, bool writable, const char *what);

/* Types: each adds itself to the module; false: an exception is set. */
bool core_add_expr(PyObject *module);
bool core_add_view(PyObject *module);
bool core_add_cfunc(PyObject *module);
bool core_add_tensors(PyObject *module);
bool core_add_continuous(PyObject *module);
bool core_add_flow(PyObject *module);
bool core_add_ode(PyObject *module);
bool core_add_variational(PyObject *module);
/* A type of a specification, added to the module; a borrowed reference, NULL on failure. */
PyTypeObject *core_add_type(PyObject *module, PyType_Spec *spec);
/* Frees an object of a heap type. */
void core_free_object(PyObject *self);

/* The tables of module functions of the other files. */
extern PyMethodDef core_function_methods[];
extern PyMethodDef core_model_methods[];
extern PyMethodDef core_cache_methods[];

/* Continuous output: takes over c, also on failure. */
PyObject *core_continuous_wrap(tay_continuous *c);

#endif
