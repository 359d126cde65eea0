/*
 * Tangents of the flow in forward mode: those of the states, v, are integrated beside these. With the tangents of the
 * parameters and of the initial time as further parameters (p, dp, dt) of the trajectory,
 *
 *     x' = f(x, p, t),   v' = df/dx v + df/dp dp + df/dt dt,
 *
 * and an output, whose distance from the initial time is t_j - t_0, moves with both: dy_j = v(t_j) + x'(t_j)(dt_j - dt_0).
 */
#include <stdio.h>

#include "expr/expr.h"
#include "flow/flow.h"

/* The system (x, v), and its leaves with their tangents: variables, parameters, time. */
typedef struct tangent_system {
    tay_expr **vars, **rhs;        /* [2 n] */
    tay_expr **leaves, **tangents; /* [n + n_pars + 1] */
    size_t n, n_leaves;
} tangent_system;

static void system_free(tangent_system *s)
{
    if (s->vars) tay__expr_unref_all(s->vars, 2 * s->n);
    if (s->rhs) tay__expr_unref_all(s->rhs, 2 * s->n);
    if (s->leaves) tay__expr_unref_all(s->leaves, s->n_leaves);
    if (s->tangents) tay__expr_unref_all(s->tangents, s->n_leaves);
    tay__free(s->vars);
    tay__free(s->rhs);
    tay__free(s->leaves);
    tay__free(s->tangents);
}

/* A variable whose name nobody types: "\1" in front of that of x. */
static tay_status name_tangent(tay_expr **out, const tay_expr *x)
{
    tay_status status = TAY_OK;
    char *name = NULL;
    size_t size = strlen(tay_expr_name(x)) + 2;
    TAY_TRY(tay__alloc(&name, size, 1));
    snprintf(name, size, "\1%s", tay_expr_name(x));
    TAY_TRY(tay_expr_variable(out, name));
out:
    tay__free(name);
    return status;
}

static tay_status build(tangent_system *s, const tay_flow *flow)
{
    tay_status status = TAY_OK;
    size_t n = flow->dim, n_pars = flow->n_pars;
    *s = (tangent_system){.n = n, .n_leaves = n + n_pars + 1};
    TAY_TRY(tay__calloc(&s->vars, 2 * n, sizeof *s->vars));
    TAY_TRY(tay__calloc(&s->rhs, 2 * n, sizeof *s->rhs));
    TAY_TRY(tay__calloc(&s->leaves, s->n_leaves, sizeof *s->leaves));
    TAY_TRY(tay__calloc(&s->tangents, s->n_leaves, sizeof *s->tangents));
    for (size_t i = 0; i < n; i++) {
        s->vars[i] = tay_expr_ref(flow->vars[i]);
        s->rhs[i] = tay_expr_ref(flow->rhs[i]);
        TAY_TRY(name_tangent(&s->vars[n + i], flow->vars[i]));
        s->leaves[i] = tay_expr_ref(flow->vars[i]);
        s->tangents[i] = tay_expr_ref(s->vars[n + i]);
    }
    for (size_t i = 0; i < n_pars; i++) {
        TAY_TRY(tay_expr_parameter(&s->leaves[n + i], (uint32_t)i));
        TAY_TRY(tay_expr_parameter(&s->tangents[n + i], (uint32_t)(n_pars + i)));
    }
    TAY_TRY(tay_expr_time(&s->leaves[n + n_pars]));
    TAY_TRY(tay_expr_parameter(&s->tangents[n + n_pars], (uint32_t)(2 * n_pars)));
    TAY_TRY(tay__expr_tangent(s->rhs + n, (const tay_expr *const *)flow->rhs, n, (const tay_expr *const *)s->leaves,
                              (const tay_expr *const *)s->tangents, s->n_leaves));
out:
    return status;
}

/* The flow of (x, v), whose parameters are p, dp, and dt at last. */
static tay_status make_tangent(tay_flow **out, tay_flow *flow)
{
    tay_status status = TAY_OK;
    tangent_system s = {0};

    pthread_mutex_lock(&flow->lock);
    if (!flow->tangent) {
        TAY_TRY(build(&s, flow));
        TAY_TRY(tay__flow_like(&flow->tangent, flow, (const tay_expr *const *)s.vars, (const tay_expr *const *)s.rhs,
                               2 * flow->dim));
        flow->tangent->n_normed = flow->dim;
        flow->tangent->n_pars = 2 * flow->n_pars + 1; /* the program needs at most these */
    }
    *out = flow->tangent;
out:
    pthread_mutex_unlock(&flow->lock);
    system_free(&s);
    return status;
}

static double time_tangent(const tay_flow_arguments *a, const tay_flow_tangents *t, size_t point, size_t j)
{
    return t->times ? t->times[a->shared_times ? j : point * a->n_times + j] : 0;
}

static void copy_or_clear(double *to, const double *from, size_t n)
{
    if (!from) memset(to, 0, n * sizeof *to);
    else if (n > 0) memcpy(to, from, n * sizeof *to);
}

/* Starts (x0, dx0) and parameters (p, dp, dt) of the tangent system. */
static void fill_arguments(double *starts, double *pars, const tay_flow *flow, const tay_flow_arguments *a,
                           const tay_flow_tangents *t, size_t n_rows)
{
    size_t n = flow->dim, n_pars = flow->n_pars;

    for (size_t m = 0; m < a->n_points; m++) {
        memcpy(starts + m * 2 * n, a->x0 + m * n, n * sizeof *starts);
        copy_or_clear(starts + m * 2 * n + n, t->x0 ? t->x0 + m * n : NULL, n);
    }
    for (size_t m = 0; m < n_rows; m++) {
        double *to = pars + m * (2 * n_pars + 1);
        size_t from = a->shared_pars ? 0 : m * n_pars;
        copy_or_clear(to, a->pars ? a->pars + from : NULL, n_pars);
        copy_or_clear(to + n_pars, t->pars ? t->pars + from : NULL, n_pars);
        to[2 * n_pars] = time_tangent(a, t, m, 0);
    }
}

/* The outputs of the tangent system to those of the flow, moved with the times. */
static void split(double *ys, double *ys_dot, const double *both, const double *slopes, const tay_flow *flow,
                  const tay_flow_arguments *a, const tay_flow_tangents *t)
{
    size_t n = flow->dim;

    for (size_t j = 0; j < a->n_times; j++) {
        for (size_t m = 0; m < a->n_points; m++) {
            size_t row = j * a->n_points + m;
            double moved = time_tangent(a, t, m, j) - time_tangent(a, t, m, 0);
            const double *y = both + row * 2 * n, *v = y + n, *slope = slopes ? slopes + row * n : NULL;
            memcpy(ys + row * n, y, n * sizeof *ys);
            for (size_t i = 0; i < n; i++) ys_dot[row * n + i] = v[i] + (slope ? slope[i] * moved : 0);
        }
    }
}

static tay_status check_tangents(const double *ys_dot, const tay_flow *flow, const tay_flow_arguments *a,
                                 const tay_flow_tangents *t)
{
    tay_status status = TAY_OK;

    if (!t || t->size != sizeof *t)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "tangents->size: expected %zu, got %u", sizeof *t, t ? t->size : 0);
    if (a->n_points == 0) goto out;
    if (!ys_dot) TAY_FAIL(TAY_ERROR_ARGUMENT, "ys_dot: expected an array, got NULL");
    if (t->x0) TAY_TRY(tay__check_numbers(t->x0, a->n_points * flow->dim, "tangents->x0"));
    if (t->times) TAY_TRY(tay__check_numbers(t->times, tay__count_times(a), "tangents->times"));
    if (t->pars) TAY_TRY(tay__check_numbers(t->pars, tay__count_pars(flow, a), "tangents->pars"));
out:
    return status;
}

tay_status tay_flow_push(double *ys, double *ys_dot, tay_flow_result *result, const tay_flow *flow,
                         const tay_flow_arguments *arguments, const tay_flow_tangents *tangents)
{
    tay_status status = TAY_OK;
    tay_flow *tangent;
    double *starts = NULL, *pars = NULL, *both = NULL, *slopes = NULL;
    size_t n_starts, n_pars, n_both, n_rows;

    TAY_TRY(tay__check_arguments(flow, ys, arguments));
    TAY_TRY(check_tangents(ys_dot, flow, arguments, tangents));
    TAY_TRY(make_tangent(&tangent, (tay_flow *)flow)); /* made once, under a lock */
    tay_flow_arguments a = *arguments;
    bool time_moves = tangents->times && tay__exec_program(tangent->lanes->exec)->n_pars > 2 * flow->n_pars;
    a.shared_pars = a.shared_pars && (a.shared_times || !time_moves);
    n_rows = a.shared_pars ? 1 : a.n_points;
    TAY_TRY(tay__multiply(&n_starts, a.n_points, tangent->dim));
    TAY_TRY(tay__multiply(&n_both, n_starts, a.n_times));
    TAY_TRY(tay__multiply(&n_pars, n_rows, tangent->n_pars));
    TAY_TRY(tay__alloc(&starts, n_starts, sizeof *starts));
    TAY_TRY(tay__alloc(&pars, n_pars, sizeof *pars));
    TAY_TRY(tay__alloc(&both, n_both, sizeof *both));
    if (tangents->times) TAY_TRY(tay__calloc(&slopes, n_both / 2, sizeof *slopes));
    fill_arguments(starts, pars, flow, arguments, tangents, n_rows);
    a.x0 = starts;
    a.pars = pars;
    TAY_TRY(tay__flow_run(both, slopes, NULL, result, tangent, &a));
    split(ys, ys_dot, both, slopes, flow, arguments, tangents);
out:
    tay__free(starts);
    tay__free(pars);
    tay__free(both);
    tay__free(slopes);
    return status;
}
