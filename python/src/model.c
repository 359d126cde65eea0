/*
 * Models, for python/tayra/model: arguments to C arrays, and Python callables as activations.
 */
#include "core.h"

/* A new array of n references, of a tuple of expressions and numbers. */
static tay_expr **convert(PyObject *items, const char *what)
{
    Py_ssize_t n = PyTuple_Size(items);
    tay_expr **e = core_alloc((size_t)n, sizeof *e);
    for (Py_ssize_t i = 0; e && i < n; i++) {
        int found = core_expr_from(&e[i], PyTuple_GetItem(items, i));
        if (found > 0) {
            continue;
        }
        if (found == 0) {
            PyErr_Format(PyExc_TypeError, "%s: element %zd is neither a number nor an expression", what, i);
        }
        for (Py_ssize_t k = 0; k < i; k++) {
            tay_expr_unref(e[k]);
        }
        PyMem_Free(e);
        e = NULL;
    }
    return e;
}

static void release(tay_expr **e, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; e && i < n; i++) {
        tay_expr_unref(e[i]);
    }
    PyMem_Free(e);
}

/* The exception, if there is one, is what the caller sees; the status only ends the building. */
static tay_status apply_python(tay_expr **out, const tay_expr *x, void *context)
{
    PyObject *argument = core_expr_share(x);
    PyObject *value = argument ? PyObject_CallFunctionObjArgs(context, argument, NULL) : NULL;
    Py_XDECREF(argument);
    if (!value) {
        return TAY_ERROR_ARGUMENT;
    }
    tay_status status = TAY_ERROR_ARGUMENT;
    if (core_is_expr(value)) {
        *out = tay_expr_ref(core_expr_get(value));
        status = TAY_OK;
    } else {
        PyErr_Format(PyExc_TypeError, "activations: %R returned %R, which is not an expression", (PyObject *)context,
                     value);
    }
    Py_DECREF(value);
    return status;
}

static PyObject *ffnn_build(tay_model_ffnn_options *options)
{
    tay_expr **out = core_alloc(options->n_out, sizeof *out);
    PyObject *result = NULL;
    if (out) {
        tay_status status = tay_model_ffnn(out, options);
        if (!status) {
            result = core_expr_list(out, options->n_out);
        } else if (!PyErr_Occurred()) {
            core_raise(status);
        }
    }
    PyMem_Free(out);
    return result;
}

/* ffnn(inputs, hidden, n_out, activations, weights): tuples; weights may be None. */
static PyObject *ffnn(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *hidden, *activations, *weights, *in, *result = NULL;
    unsigned int n_out;
    core_exprs inputs;
    if (!PyArg_ParseTuple(args, "OO!IO!O:ffnn", &in, &PyTuple_Type, &hidden, &n_out, &PyTuple_Type, &activations,
                          &weights) ||
        !core_exprs_get(&inputs, in, "inputs")) {
        return NULL;
    }
    Py_ssize_t n_hidden = PyTuple_Size(hidden), n_act = PyTuple_Size(activations);
    Py_ssize_t n_weights = weights == Py_None ? 0 : PyTuple_Size(weights);
    uint32_t *sizes = core_alloc((size_t)n_hidden, sizeof *sizes);
    tay_model_activation *act = sizes ? core_alloc((size_t)n_act, sizeof *act) : NULL;
    tay_expr **w = !act || weights == Py_None || n_weights < 0 ? NULL : convert(weights, "nn_wb");
    if (sizes && act && (w || weights == Py_None)) {
        for (Py_ssize_t i = 0; i < n_hidden; i++) {
            sizes[i] = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(hidden, i));
        }
        for (Py_ssize_t i = 0; i < n_act; i++) {
            act[i] = (tay_model_activation){apply_python, PyTuple_GetItem(activations, i)};
        }
        tay_model_ffnn_options options = {
            .size = sizeof options,
            .inputs = inputs.e,
            .n_inputs = inputs.n,
            .hidden = sizes,
            .n_hidden = (size_t)n_hidden,
            .n_out = n_out,
            .activations = act,
            .n_activations = (size_t)n_act,
            .weights = (const tay_expr *const *)w,
            .n_weights = (size_t)n_weights,
        };
        result = PyErr_Occurred() ? NULL : ffnn_build(&options);
    }
    release(w, n_weights);
    PyMem_Free(sizes);
    PyMem_Free(act);
    core_exprs_free(&inputs);
    return result;
}

/* The expression in an object, borrowed; NULL: an exception is set. */
static const tay_expr *expression_of(PyObject *o, const char *what)
{
    if (core_is_expr(o)) {
        return core_expr_get(o);
    }
    core_raise_type(o, "%s: an expression was expected", what);
    return NULL;
}

/* What a call with this status has made: an object that takes over the reference, or an exception. */
static PyObject *wrap(tay_status status, tay_expr *e)
{
    return status ? core_raise(status) : core_expr_wrap(e);
}

/* A list of n pairs, which takes over the references. */
static PyObject *pairs(tay_expr **vars, tay_expr **rhs, size_t n)
{
    PyObject *v = core_expr_list(vars, n), *r = core_expr_list(rhs, n);
    PyObject *list = v && r ? PyList_New((Py_ssize_t)n) : NULL;
    for (size_t i = 0; list && i < n; i++) {
        Py_ssize_t k = (Py_ssize_t)i;
        PyObject *pair = PyTuple_Pack(2, PyList_GetItem(v, k), PyList_GetItem(r, k));
        if (!pair) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, k, pair);
        }
    }
    Py_XDECREF(v);
    Py_XDECREF(r);
    return list;
}

typedef tay_status nbody_scalar(tay_expr **out, const tay_model_nbody_options *options);

typedef tay_status nbody_equations(tay_expr **vars, tay_expr **rhs, const tay_model_nbody_options *options);

static PyObject *nbody_system(nbody_equations *f, const tay_model_nbody_options *options)
{
    size_t n = 6 * ((size_t)options->n - (f == tay_model_np1body && options->n > 0));
    tay_expr **vars = core_alloc(n, sizeof *vars), **rhs = core_alloc(n, sizeof *rhs);
    PyObject *result = NULL;
    if (vars && rhs) {
        tay_status status = f(vars, rhs, options);
        result = status ? core_raise(status) : pairs(vars, rhs, n);
    }
    PyMem_Free(vars);
    PyMem_Free(rhs);
    return result;
}

/* (n, gconst, masses): masses is a tuple or None; the system, or if that is NULL the scalar. */
static PyObject *nbody_any(PyObject *args, nbody_equations *system, nbody_scalar *scalar)
{
    unsigned int n;
    PyObject *gconst, *masses, *result = NULL;
    tay_expr *e = NULL;
    if (!PyArg_ParseTuple(args, "IOO:nbody", &n, &gconst, &masses)) {
        return NULL;
    }
    tay_model_nbody_options options = {.size = sizeof options, .n = n, .gconst = expression_of(gconst, "Gconst")};
    if (!options.gconst) {
        return NULL;
    }
    core_exprs m = {0};
    if (masses != Py_None) {
        if (!core_exprs_get(&m, masses, "masses")) {
            return NULL;
        }
        options.masses = m.e;
        options.n_masses = m.n;
    }
    if (system) {
        result = nbody_system(system, &options);
    } else {
        tay_status status = scalar(&e, &options);
        result = wrap(status, e);
    }
    core_exprs_free(&m);
    return result;
}

static PyObject *nbody(PyObject *Py_UNUSED(self), PyObject *args)
{
    return nbody_any(args, tay_model_nbody, NULL);
}

static PyObject *nbody_energy(PyObject *Py_UNUSED(self), PyObject *args)
{
    return nbody_any(args, NULL, tay_model_nbody_energy);
}

static PyObject *nbody_potential(PyObject *Py_UNUSED(self), PyObject *args)
{
    return nbody_any(args, NULL, tay_model_nbody_potential);
}

static PyObject *np1body(PyObject *Py_UNUSED(self), PyObject *args)
{
    return nbody_any(args, tay_model_np1body, NULL);
}

static PyObject *np1body_energy(PyObject *Py_UNUSED(self), PyObject *args)
{
    return nbody_any(args, NULL, tay_model_np1body_energy);
}

static PyObject *np1body_potential(PyObject *Py_UNUSED(self), PyObject *args)
{
    return nbody_any(args, NULL, tay_model_np1body_potential);
}

static bool pendulum_options(tay_model_pendulum_options *out, PyObject *args)
{
    PyObject *gconst, *length;
    if (!PyArg_ParseTuple(args, "OO:pendulum", &gconst, &length)) {
        return false;
    }
    *out = (tay_model_pendulum_options){.size = sizeof *out, .gconst = expression_of(gconst, "gconst")};
    out->length = out->gconst ? expression_of(length, "length") : NULL;
    return out->length != NULL;
}

static PyObject *pendulum(PyObject *Py_UNUSED(self), PyObject *args)
{
    tay_model_pendulum_options options;
    tay_expr *vars[2], *rhs[2];
    if (!pendulum_options(&options, args)) {
        return NULL;
    }
    tay_status status = tay_model_pendulum(vars, rhs, &options);
    return status ? core_raise(status) : pairs(vars, rhs, 2);
}

static PyObject *pendulum_energy(PyObject *Py_UNUSED(self), PyObject *args)
{
    tay_model_pendulum_options options;
    tay_expr *e = NULL;
    if (!pendulum_options(&options, args)) {
        return NULL;
    }
    tay_status status = tay_model_pendulum_energy(&e, &options);
    return wrap(status, e);
}

static bool cr3bp_options(tay_model_cr3bp_options *out, PyObject *args)
{
    PyObject *mu;
    if (!PyArg_ParseTuple(args, "O:cr3bp", &mu)) {
        return false;
    }
    *out = (tay_model_cr3bp_options){sizeof *out, expression_of(mu, "mu")};
    return out->mu != NULL;
}

static PyObject *cr3bp(PyObject *Py_UNUSED(self), PyObject *args)
{
    tay_model_cr3bp_options options;
    tay_expr *vars[6], *rhs[6];
    if (!cr3bp_options(&options, args)) {
        return NULL;
    }
    tay_status status = tay_model_cr3bp(vars, rhs, &options);
    return status ? core_raise(status) : pairs(vars, rhs, 6);
}

static PyObject *cr3bp_jacobi(PyObject *Py_UNUSED(self), PyObject *args)
{
    tay_model_cr3bp_options options;
    tay_expr *e = NULL;
    if (!cr3bp_options(&options, args)) {
        return NULL;
    }
    tay_status status = tay_model_cr3bp_jacobi(&e, &options);
    return wrap(status, e);
}

typedef tay_status mascon_scalar(tay_expr **out, const tay_model_mascon_options *options);

static PyObject *mascon_build(const tay_model_mascon_options *options, mascon_scalar *f)
{
    tay_expr *vars[6], *rhs[6], *e = NULL;
    if (f) {
        tay_status status = f(&e, options);
        return wrap(status, e);
    }
    tay_status status = tay_model_mascon(vars, rhs, options);
    return status ? core_raise(status) : pairs(vars, rhs, 6);
}

/* (gconst, masses, positions, omega): the system if f is NULL, else the value of f. */
static PyObject *mascon_any(PyObject *args, mascon_scalar *f)
{
    PyObject *gconst, *m, *p, *o, *result = NULL;
    core_exprs masses = {0}, positions = {0}, omega = {0};
    if (!PyArg_ParseTuple(args, "OOOO:mascon", &gconst, &m, &p, &o)) {
        return NULL;
    }
    const tay_expr *g = expression_of(gconst, "Gconst");
    if (g && core_exprs_get(&masses, m, "masses") && core_exprs_get(&positions, p, "positions") &&
        core_exprs_get(&omega, o, "omega")) {
        tay_model_mascon_options options = {
            .size = sizeof options,
            .gconst = g,
            .masses = masses.e,
            .n_masses = masses.n,
            .positions = positions.e,
            .n_positions = positions.n,
            .omega = omega.e,
            .n_omega = omega.n,
        };
        result = mascon_build(&options, f);
    }
    core_exprs_free(&masses);
    core_exprs_free(&positions);
    core_exprs_free(&omega);
    return result;
}

static PyObject *mascon(PyObject *Py_UNUSED(self), PyObject *args)
{
    return mascon_any(args, NULL);
}

static PyObject *mascon_energy(PyObject *Py_UNUSED(self), PyObject *args)
{
    return mascon_any(args, tay_model_mascon_energy);
}

static PyObject *mascon_potential(PyObject *Py_UNUSED(self), PyObject *args)
{
    return mascon_any(args, tay_model_mascon_potential);
}

/* Equations of motion: rhs[2 n] of a function e and variables[2 n]. */
static PyObject *motion(const tay_expr *e, const tay_expr *dissipation, PyObject *variables, bool is_lagrangian)
{
    core_exprs vars;
    PyObject *result = NULL;
    if (!core_exprs_get(&vars, variables, "variables")) {
        return NULL;
    }
    tay_expr **lhs = core_alloc(vars.n, sizeof *lhs), **rhs = core_alloc(vars.n, sizeof *rhs);
    if (lhs && rhs) {
        tay_status status = is_lagrangian ? tay_model_lagrangian(rhs, e, vars.e, vars.n / 2, dissipation)
                                          : tay_model_hamiltonian(rhs, e, vars.e, vars.n / 2);
        for (size_t i = 0; i < vars.n && !status; i++) {
            lhs[i] = tay_expr_ref(vars.e[i]);
        }
        result = status ? core_raise(status) : pairs(lhs, rhs, vars.n);
    }
    PyMem_Free(lhs);
    PyMem_Free(rhs);
    core_exprs_free(&vars);
    return result;
}

static PyObject *lagrangian(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *l, *variables, *d;
    if (!PyArg_ParseTuple(args, "O!OO!:lagrangian", core_expr_type, &l, &variables, core_expr_type, &d)) {
        return NULL;
    }
    return motion(core_expr_get(l), core_expr_get(d), variables, true);
}

static PyObject *hamiltonian(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *h, *variables;
    if (!PyArg_ParseTuple(args, "O!O:hamiltonian", core_expr_type, &h, &variables)) {
        return NULL;
    }
    return motion(core_expr_get(h), NULL, variables, false);
}

PyMethodDef core_model_methods[] = {
    {"cr3bp", cr3bp, METH_VARARGS, "cr3bp(mu): the equations."},
    {"cr3bp_jacobi", cr3bp_jacobi, METH_VARARGS, "cr3bp_jacobi(mu): the Jacobi constant."},
    {"ffnn", ffnn, METH_VARARGS, "ffnn(inputs, hidden, n_out, activations, weights): the outputs."},
    {"hamiltonian", hamiltonian, METH_VARARGS, "hamiltonian(H, coordinates + momenta): the equations."},
    {"lagrangian", lagrangian, METH_VARARGS, "lagrangian(L, coordinates + velocities, D): the equations."},
    {"mascon", mascon, METH_VARARGS, "mascon(gconst, masses, positions, omega): the equations."},
    {"mascon_energy", mascon_energy, METH_VARARGS, "mascon_energy(gconst, masses, positions, omega): the energy."},
    {"mascon_potential", mascon_potential, METH_VARARGS, "mascon_potential(gconst, masses, positions, omega): its part."},
    {"nbody", nbody, METH_VARARGS, "nbody(n, gconst, masses): the equations."},
    {"nbody_energy", nbody_energy, METH_VARARGS, "nbody_energy(n, gconst, masses): the energy."},
    {"nbody_potential", nbody_potential, METH_VARARGS, "nbody_potential(n, gconst, masses): the potential energy."},
    {"np1body", np1body, METH_VARARGS, "np1body(n, gconst, masses): the equations."},
    {"np1body_energy", np1body_energy, METH_VARARGS, "np1body_energy(n, gconst, masses): the energy."},
    {"np1body_potential", np1body_potential, METH_VARARGS, "np1body_potential(n, gconst, masses): the potential energy."},
    {"pendulum", pendulum, METH_VARARGS, "pendulum(gconst, length): the equations."},
    {"pendulum_energy", pendulum_energy, METH_VARARGS, "pendulum_energy(gconst, length): the energy."},
    {0},
};
