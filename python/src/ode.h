/*
 * The integrator's type: making and asking are in ode.c, stepping and propagating in propagate.c.
 */
#ifndef TAYRA_PYTHON_ODE_H
#define TAYRA_PYTHON_ODE_H

#include "core.h"

typedef struct core_ode {
    PyObject_HEAD
    tay_ode *ode;
    bool busy;        /* a step or propagation is under way: no other may begin (in a callback, or in another thread) */
    bool interrupted; /* propagations are to end as if Ctrl-C had come: another thread asks for it, with the lock */
} core_ode;

/* Methods of the type that advance the integrator. */
PyObject *core_ode_step(PyObject *self, PyObject *const *arguments, Py_ssize_t n);
PyObject *core_ode_propagate(PyObject *self, PyObject *const *arguments, Py_ssize_t n);
PyObject *core_ode_grid(PyObject *self, PyObject *const *arguments, Py_ssize_t n);

/* The callback of events that have one: that of step and propagation under way. */
bool core_ode_at_event(tay_ode *ode, const tay_hit *hit, void *context);

#endif
