/*
 * Equations of motion. Of a Lagrangian L with a dissipation function D [Goldstein2002, sections 1.4, 1.5], for coordinates q with
 * velocities v and momenta p = dL/dv:
 *
 *     M a = dL/dq - dD/dv - (dp/dq v + dp/dt)   with M = dp/dv = d2L/dv2, which is symmetric,
 *
 * and of a Hamiltonian H [Goldstein2002, section 8.1]: q' = dH/dp, p' = -dH/dq.
 */
#include "model/symmetric.h"
#include "tayra/model.h"

typedef struct motion {
    tay__workshop w;
    tay__array kept; /* the arrays below */
    size_t n;
    const tay_expr *const *vars; /* [2 n] coordinates, velocities or momenta */
    const tay_expr **slopes;     /* [2 n] derivatives of L or H with respect to vars */
    const tay_expr **mass;       /* [n][n] M, of which rows >= columns count */
    const tay_expr **force;      /* [n] M a; then a */
} motion;

/* What the messages say. */
typedef struct words {
    const char *call, *function, *second, *others;
} words;

static tay_status check_vars(tay__map *places, const words *say, const tay_expr *const *vars, size_t n)
{
    for (size_t i = 0; i < 2 * n; i++) {
        char text[TAY__SHORT_TEXT];
        const char *kind = i < n ? "coordinate" : say->second;
        if (!vars[i]) return tay__error(TAY_ERROR_ARGUMENT, "%s: vars[%zu] is NULL", say->call, i);
        const uint64_t *other = tay__map_get(places, (uintptr_t)vars[i]);
        if (!other && vars[i]->kind == TAY_KIND_VARIABLE) {
            tay_status status = tay__map_set(places, (uintptr_t)vars[i], i);
            if (status != TAY_OK) return status;
            continue;
        }
        tay_status status = tay__expr_short_text(text, vars[i]);
        if (status != TAY_OK) return status;
        if (!other)
            return tay__error(TAY_ERROR_ARGUMENT, "%s: a variable was expected as %s %zu, not '%s'", say->call, kind, i % n,
                              text);
        return tay__error(TAY_ERROR_ARGUMENT, "%s: different variables were expected, but '%s' is %s %zu and %s %zu", say->call,
                          text, *other < n ? "coordinate" : say->second, (size_t)*other % n, kind, i % n);
    }
    return TAY_OK;
}

/* Fails if a variable in e has no place from `first` on. */
static tay_status check_inside(const tay__map *places, size_t first, const words *say, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr **found = NULL;
    size_t n_found = 0;
    char text[TAY__SHORT_TEXT];
    TAY_TRY(tay_expr_variables(&found, &n_found, &e, 1));
    for (size_t i = 0; i < n_found; i++) {
        const uint64_t *place = tay__map_get(places, (uintptr_t)found[i]);
        if (place && *place >= first) continue;
        TAY_TRY(tay__expr_short_text(text, found[i]));
        TAY_FAIL(TAY_ERROR_ARGUMENT, "%s: the %s contains the variable '%s', which is %s", say->call, say->function, text,
                 say->others);
    }
out:
    tay__expr_unref_all(found, n_found);
    tay__free(found);
    return status;
}

static tay_status check(const words *say, tay_expr **rhs, const tay_expr *e, const tay_expr *const *vars, size_t n,
                        const tay_expr *dissipation)
{
    tay_status status = TAY_OK;
    tay__map places = {0};
    size_t size;
    if (!rhs || !e || !vars)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "%s: %s is NULL", say->call, !rhs ? "`rhs`" : !e ? say->function : "`vars`");
    if (n == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "%s: at least one coordinate was expected, but there is none", say->call);
    TAY_TRY(tay__multiply(&size, 2, n));
    TAY_TRY(check_vars(&places, say, vars, n));
    TAY_TRY(check_inside(&places, 0, say, e));
    if (dissipation)
        TAY_TRY(check_inside(&places, n, &(words){say->call, "dissipation function", NULL, "not a velocity"}, dissipation));
out:
    tay__map_free(&places);
    return status;
}

/* The n expressions that a call with this status has made become the workshop's. */
static tay_status keep(motion *m, tay_status status, const tay_expr *const *e, size_t n)
{
    for (size_t i = 0; i < n; i++) tay__workshop_keep(&m->w, status, (tay_expr *const *)&e[i]);
    return m->w.status;
}

static tay_status finish(motion *m, tay_status status)
{
    if (m->w.status == TAY_OK) m->w.status = status;
    tay__free_kept(&m->kept);
    return tay__workshop_close(&m->w);
}

/* Of e, L or H. */
static tay_status start(motion *m, const tay_expr *e, const tay_expr *const *vars, size_t n)
{
    tay_status status = TAY_OK;
    *m = (motion){.w = tay__workshop_open(), .kept = TAY__ARRAY(void *), .n = n, .vars = vars};
    TAY_TRY(tay__alloc_kept(&m->slopes, &m->kept, 2 * n, sizeof *m->slopes));
    TAY_TRY(keep(m, tay__expr_gradient((tay_expr **)m->slopes, e, vars, 2 * n), m->slopes, 2 * n));
out:
    return status;
}

/* force = dL/dq - dD/dv - (dp/dq v + dp/dt). What changes p at constant v is one derivative, in the direction (v, 1). */
static tay_status make_force(motion *m, const tay_expr *dissipation)
{
    tay_status status = TAY_OK;
    size_t n = m->n;
    const tay_expr **drift, **drag, **wrt, **direction, *const *momenta = m->slopes + n;
    tay_expr *time = NULL;
    TAY_TRY(tay__alloc_kept(&m->force, &m->kept, n, sizeof *m->force));
    TAY_TRY(tay__alloc_kept(&drift, &m->kept, n, sizeof *drift));
    TAY_TRY(tay__alloc_kept(&drag, &m->kept, n, sizeof *drag));
    TAY_TRY(tay__alloc_kept(&wrt, &m->kept, n + 1, sizeof *wrt));
    TAY_TRY(tay__alloc_kept(&direction, &m->kept, n + 1, sizeof *direction));
    memcpy(wrt, m->vars, n * sizeof *wrt);
    memcpy(direction, m->vars + n, n * sizeof *direction);
    wrt[n] = tay__workshop_keep(&m->w, tay_expr_time(&time), &time);
    direction[n] = tay__number(&m->w, 1.0);
    TAY_TRY(m->w.status);
    TAY_TRY(keep(m, tay__expr_tangent((tay_expr **)drift, momenta, n, wrt, direction, n + 1), drift, n));
    if (dissipation) TAY_TRY(keep(m, tay__expr_gradient((tay_expr **)drag, dissipation, m->vars + n, n), drag, n));
    for (size_t i = 0; i < n; i++) {
        m->force[i] = dissipation ? tay__sub(&m->w, m->slopes[i], drag[i]) : m->slopes[i];
        m->force[i] = tay__sub(&m->w, m->force[i], drift[i]);
    }
    status = m->w.status;
out:
    return status;
}

/* Derivatives are the same in any order, but not their expressions: the smaller one counts. */
static tay_status make_mass(motion *m)
{
    tay_status status = TAY_OK;
    size_t n = m->n, size;
    TAY_TRY(tay__multiply(&size, n, n));
    TAY_TRY(tay__alloc_kept(&m->mass, &m->kept, size, sizeof *m->mass));
    TAY_TRY(keep(m, tay_expr_jacobian((tay_expr **)m->mass, m->slopes + n, n, m->vars + n, n), m->mass, size));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            const tay_expr **here = &m->mass[i * n + j], *there = m->mass[j * n + i];
            if (there->size < (*here)->size) *here = there;
        }
    }
out:
    return status;
}

static tay_status make_accelerations(motion *m)
{
    size_t singular;
    char text[TAY__SHORT_TEXT];
    tay_status status = tay__solve_symmetric(&m->w, &singular, m->mass, m->force, m->n);
    if (status != TAY_OK || singular == m->n) return status;
    status = tay__expr_short_text(text, m->vars[singular]);
    if (status != TAY_OK) return status;
    return tay__error(TAY_ERROR_ARGUMENT,
                      "tay_model_lagrangian: no equation is left for the acceleration of coordinate %zu, '%s': the matrix of "
                      "second derivatives by the velocities is singular, an invertible one was expected",
                      singular, text);
}

tay_status tay_model_lagrangian(tay_expr **rhs, const tay_expr *lagrangian, const tay_expr *const *vars, size_t n,
                                const tay_expr *dissipation)
{
    static const words say = {"tay_model_lagrangian", "Lagrangian", "velocity", "neither a coordinate nor a velocity"};
    tay_status status = check(&say, rhs, lagrangian, vars, n, dissipation);
    motion m;
    if (status != TAY_OK) return status;
    TAY_TRY(start(&m, lagrangian, vars, n));
    TAY_TRY(make_force(&m, dissipation));
    TAY_TRY(make_mass(&m));
    TAY_TRY(make_accelerations(&m));
    tay__workshop_deliver(&m.w, rhs, vars + n, n);
    tay__workshop_deliver(&m.w, rhs + n, m.force, n);
out:
    return finish(&m, status);
}

tay_status tay_model_hamiltonian(tay_expr **rhs, const tay_expr *hamiltonian, const tay_expr *const *vars, size_t n)
{
    static const words say = {"tay_model_hamiltonian", "Hamiltonian", "momentum", "neither a coordinate nor a momentum"};
    tay_status status = check(&say, rhs, hamiltonian, vars, n, NULL);
    motion m;
    if (status != TAY_OK) return status;
    TAY_TRY(start(&m, hamiltonian, vars, n));
    for (size_t i = 0; i < n; i++) m.slopes[i] = tay__neg(&m.w, m.slopes[i]);
    tay__workshop_deliver(&m.w, rhs, m.slopes + n, n);
    tay__workshop_deliver(&m.w, rhs + n, m.slopes, n);
out:
    return finish(&m, status);
}
