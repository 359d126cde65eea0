/*
 * The type of variational systems, for the integrator, which takes one in place of equations.
 */
#ifndef TAYRA_PYTHON_VARIATIONAL_H
#define TAYRA_PYTHON_VARIATIONAL_H

#include "core.h"

typedef struct core_variational {
    PyObject_HEAD
    tay_variational *v;
} core_variational;

extern PyTypeObject *core_variational_type;

/* A list of n pairs (variable, right-hand side). */
PyObject *core_equations(const tay_expr *const *vars, const tay_expr *const *rhs, size_t n);

#endif
