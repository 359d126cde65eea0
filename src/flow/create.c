/*
 * Making and freeing flows, and the programs and working memory that they lend to runs.
 */
#include <float.h>
#include <math.h>

#include "expr/expr.h"
#include "flow/flow.h"

static void worker_free(tay__worker *worker)
{
    if (!worker) return;
    if (worker->workspace) worker->workspace->jet = worker->jet;
    tay__workspace_free(worker->workspace);
    tay__cotangents_free(worker->bars);
    tay__free(worker);
}

static void lanes_free(tay__lanes *l)
{
    if (!l) return;
    for (tay__worker *w = l->idle, *after; w; w = after) {
        after = w->next;
        worker_free(w);
    }
    for (int kind = 0; kind < 2; kind++) {
        double *const *spare = l->spare[kind].data;
        for (size_t i = 0; i < l->spare[kind].count; i++) tay__free_aligned(spare[i]);
        tay__array_free(&l->spare[kind]);
    }
    tay__exec_free(l->exec);
    tay__free(l);
}

void tay_flow_free(tay_flow *flow)
{
    if (!flow || atomic_fetch_sub(&flow->refs, 1) > 1) return;
    for (tay__lanes *l = flow->lanes, *next; l; l = next) {
        next = l->next;
        lanes_free(l);
    }
    if (flow->vars) tay__expr_unref_all(flow->vars, flow->dim);
    if (flow->rhs) tay__expr_unref_all(flow->rhs, flow->dim);
    tay_flow_free(flow->tangent);
    tay__free(flow->vars);
    tay__free(flow->rhs);
    tay__free(flow->shares);
    tay__free(flow->resolved);
    pthread_mutex_destroy(&flow->lock);
    tay__free(flow);
}

static tay_status lanes_create(tay__lanes **out, const tay_flow *flow, uint32_t n, bool lane_pars)
{
    tay_status status = TAY_OK;
    tay__program *program = NULL;
    tay__lanes *l = NULL;
    const tay_expr *const *vars = (const tay_expr *const *)flow->vars, *const *rhs = (const tay_expr *const *)flow->rhs;

    TAY_TRY(tay__calloc(&l, 1, sizeof *l));
    l->lanes = n;
    l->lane_pars = lane_pars;
    for (int kind = 0; kind < 2; kind++) l->spare[kind] = TAY__ARRAY(double *);
    TAY_TRY(tay__program_create(&program, &(tay__program_spec){.inputs = vars, .n_inputs = flow->dim, .outputs = rhs,
                                                               .n_outputs = flow->dim, .jets = true, .reversible = true}));
    l->is_network = tay__exec_is_network(program);
    tay__split split = {0};
    if (flow->precision == TAY_PRECISION_MIXED && tay__exec_fills_float(n, lane_pars))
        split = tay__exec_split_for(program, flow->tolerance);
    TAY_TRY(tay__exec_create_reversible(&l->exec, program, flow->max_order, n, lane_pars, split));
    program = NULL;
    *out = l;
    l = NULL;
out:
    lanes_free(l);
    tay__program_free(program);
    return status;
}

/*
 * Steps of trajectories that the vm runs before code is made, where that is left to the library: of a network with 60 neurons a
 * step takes a fifth less then, 2 us; making it takes 0.4 s, or 0.6 s in mixed precision.
 */
enum { STEPS_BEFORE_CODE = 200000 };

/* One that has run often enough to be replaced. */
static bool is_due(const tay__lanes *l)
{
    return l->n_steps >= STEPS_BEFORE_CODE && tay__exec_awaits_code(l->exec);
}

tay_status tay__flow_lanes(tay__lanes **out, tay_flow *flow, uint32_t lanes, bool lane_pars)
{
    tay_status status = TAY_OK;
    tay__lanes *l, *made;

    pthread_mutex_lock(&flow->lock);
    for (l = flow->lanes; l && (l->lanes != lanes || l->lane_pars != lane_pars); l = l->next) {}
    if (!l || is_due(l)) {
        TAY_TRY(lanes_create(&made, flow, lanes, lane_pars));
        if (l) tay__exec_make_code(made->exec);
        made->chosen = l != NULL;
        made->next = flow->lanes;
        flow->lanes = l = made;
    }
    if (!l->chosen) tay__exec_choose(l->exec, flow->execution);
    l->chosen = true;
    *out = flow->taken = l;
out:
    pthread_mutex_unlock(&flow->lock);
    return status;
}

tay_status tay__flow_take(tay__worker **out, tay_flow *flow, tay__lanes *lanes)
{
    tay_status status = TAY_OK;
    tay__worker *w;

    pthread_mutex_lock(&flow->lock);
    w = lanes->idle;
    if (w) lanes->idle = w->next;
    pthread_mutex_unlock(&flow->lock);
    if (!w) {
        TAY_TRY(tay__calloc(&w, 1, sizeof *w));
        w->lanes = lanes;
        TAY_TRY(tay__workspace_create(&w->workspace, lanes->exec));
        w->jet = w->workspace->jet;
        TAY_TRY(tay__cotangents_create(&w->bars, lanes->exec));
    }
    *out = w;
    w = NULL;
out:
    if (status != TAY_OK) worker_free(w);
    return status;
}

void tay__flow_give(tay_flow *flow, tay__worker *worker)
{
    tay__lanes *lanes = worker->lanes;

    worker->workspace->jet = worker->jet;
    pthread_mutex_lock(&flow->lock);
    worker->next = lanes->idle;
    lanes->idle = worker;
    pthread_mutex_unlock(&flow->lock);
}

static tay_status check_system(const tay_expr *const *vars, const tay_expr *const *rhs, size_t n)
{
    if (n == 0) return tay__error(TAY_ERROR_ARGUMENT, "n: expected at least one equation, got none");
    if (!vars || !rhs) return tay__error(TAY_ERROR_ARGUMENT, "%s: expected %zu elements, got NULL", vars ? "rhs" : "vars", n);
    for (size_t i = 0; i < n; i++) {
        if (!vars[i] || tay_expr_get_kind(vars[i]) != TAY_KIND_VARIABLE)
            return tay__error(TAY_ERROR_ARGUMENT, "vars[%zu]: expected a variable", i);
        if (!rhs[i]) return tay__error(TAY_ERROR_ARGUMENT, "rhs[%zu]: expected an expression, got NULL", i);
    }
    return TAY_OK;
}

static tay_status read_options(tay_flow *flow, const tay_flow_options *options)
{
    tay_flow_options o = {.size = sizeof o};

    if (options && options->size != sizeof o)
        return tay__error(TAY_ERROR_ARGUMENT, "options->size: expected %zu, got %u", sizeof o, options->size);
    if (options) o = *options;
    if (o.tolerance == 0) o.tolerance = DBL_EPSILON;
    if (!(o.tolerance > 0) || isinf(o.tolerance))
        return tay__error(TAY_ERROR_ARGUMENT, "tolerance: expected a positive and finite number, got %g", o.tolerance);
    if (o.order == 1 || o.order > 1000)
        return tay__error(TAY_ERROR_ARGUMENT, "order: expected 0, or 2 to 1000, got %u", o.order);
    if (o.lanes > TAY__MOST_LANES)
        return tay__error(TAY_ERROR_ARGUMENT, "lanes: expected 0 to %d, got %u", TAY__MOST_LANES, o.lanes);
    if (o.precision != TAY_PRECISION_MIXED && o.precision != TAY_PRECISION_DOUBLE)
        return tay__error(TAY_ERROR_ARGUMENT, "precision: expected mixed or double (%d or %d), got %d", TAY_PRECISION_MIXED,
                          TAY_PRECISION_DOUBLE, (int)o.precision);
    flow->tolerance = o.tolerance;
    flow->n_lanes = o.lanes;
    flow->memory_limit = o.memory_limit ? o.memory_limit : (size_t)1 << 30;
    flow->max_steps = o.max_steps ? o.max_steps : SIZE_MAX;
    flow->n_threads = o.n_threads;
    flow->fixed_order = o.order;
    flow->execution = o.execution;
    flow->precision = o.precision;
    uint32_t usual = tay__exec_order_for(o.tolerance);
    double most = ceil(1 - log(o.tolerance));
    flow->usual_order = o.order ? o.order : usual < 3 ? 3 : usual;
    flow->max_order = o.order ? o.order : most < 4 ? 4 : (uint32_t)most;
    return tay__check_execution(o.execution);
}

tay_status tay__flow_like(tay_flow **out, const tay_flow *like, const tay_expr *const *vars, const tay_expr *const *rhs,
                          size_t n)
{
    tay_status status = TAY_OK;
    tay_flow *flow = NULL;
    tay__lanes *lanes;

    TAY_TRY(tay__calloc(&flow, 1, sizeof *flow));
    *flow = (tay_flow){.refs = 1, .n_normed = n, .tolerance = like->tolerance, .memory_limit = like->memory_limit,
                       .max_steps = like->max_steps, .n_threads = like->n_threads, .fixed_order = like->fixed_order,
                       .usual_order = like->usual_order, .max_order = like->max_order, .execution = like->execution,
                       .precision = like->precision, .n_lanes = like->n_lanes};
    pthread_mutex_init(&flow->lock, NULL);
    TAY_TRY(tay__calloc(&flow->vars, n, sizeof *flow->vars));
    TAY_TRY(tay__calloc(&flow->rhs, n, sizeof *flow->rhs));
    flow->dim = n;
    TAY_TRY(tay__find_shares(flow));
    for (size_t i = 0; i < n; i++) {
        flow->vars[i] = tay_expr_ref(vars[i]);
        flow->rhs[i] = tay_expr_ref(rhs[i]);
    }
    TAY_TRY(lanes_create(&lanes, flow, (uint32_t)tay__exec_width(), false));
    flow->lanes = lanes;
    flow->n_pars = tay__exec_program(lanes->exec)->n_pars;
    *out = flow;
    flow = NULL;
out:
    tay_flow_free(flow);
    return status;
}

tay_status tay_flow_create(tay_flow **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                           const tay_flow_options *options)
{
    tay_status status = TAY_OK;
    tay_flow like = {0};

    TAY_TRY(tay__check_pointer(out, "out"));
    TAY_TRY(check_system(vars, rhs, n));
    TAY_TRY(read_options(&like, options));
    TAY_TRY(tay__flow_like(out, &like, vars, rhs, n));
out:
    return status;
}

size_t tay_flow_dim(const tay_flow *flow)
{
    return flow->dim;
}

size_t tay_flow_n_pars(const tay_flow *flow)
{
    return flow->n_pars;
}

double tay_flow_tolerance(const tay_flow *flow)
{
    return flow->tolerance;
}

uint32_t tay_flow_order(const tay_flow *flow)
{
    return flow->max_order;
}

tay_execution tay_flow_execution(const tay_flow *flow)
{
    tay_flow *mutable = (tay_flow *)flow; /* its lock */

    pthread_mutex_lock(&mutable->lock);
    tay_execution execution = tay__exec_execution((flow->taken ? flow->taken : flow->lanes)->exec);
    pthread_mutex_unlock(&mutable->lock);
    return execution;
}

tay_precision tay_flow_precision(const tay_flow *flow)
{
    tay_flow *mutable = (tay_flow *)flow; /* its lock */

    pthread_mutex_lock(&mutable->lock);
    tay__split split = tay__exec_split_for(tay__exec_program(flow->lanes->exec), flow->tolerance);
    pthread_mutex_unlock(&mutable->lock);
    return split.back > 0 ? flow->precision : TAY_PRECISION_DOUBLE;
}
