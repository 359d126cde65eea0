/*
 * The nodes that a program is made from and how often each is used; how nodes are read: coefficient times core, two
 * factors, divisor. Coefficients are kept once each.
 */
#include <math.h>

#include "program/lower.h"

static uint64_t key_of(const tay_expr *e)
{
    return (uint64_t)(uintptr_t)e;
}

tay_status tay__lower_inputs_map(tay__lower_state *s, const tay__program_spec *spec)
{
    tay_status status = TAY_OK;

    for (size_t i = 0; i < spec->n_inputs; i++) {
        const tay_expr *e = spec->inputs[i];
        if (e->kind != TAY_KIND_VARIABLE)
            TAY_FAIL(TAY_ERROR_ARGUMENT, "item %zu of the variables is not a variable", i);
        if (tay__map_get(&s->inputs, key_of(e)))
            TAY_FAIL(TAY_ERROR_ARGUMENT, "the variable '%s' is given twice (again as item %zu)", e->u.name, i);
        TAY_TRY(tay__map_set(&s->inputs, key_of(e), i));
    }
out:
    return status;
}

void tay__lower_state_free(tay__lower_state *s)
{
    tay__array *arrays[] = {&s->nodes, &s->derivatives, &s->integrals, &s->stack, &s->work, &s->missing,
                            &s->constants, &s->linear, &s->quadratic, &s->above, &s->below};

    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) tay__array_free(arrays[k]);
    tay__map_free(&s->inputs);
    tay__map_free(&s->index);
}

tay__node *tay__node_of(const tay__lower_state *s, const tay_expr *e)
{
    const uint64_t *i = tay__map_get(&s->index, key_of(e));
    return i ? (tay__node *)s->nodes.data + *i : NULL;
}

bool tay__single_use(const tay__lower_state *s, const tay_expr *e)
{
    const tay__node *node = tay__node_of(s, e);
    return node->uses == 1 && node->value < 0;
}

tay_status tay__operand(tay__lower_state *s, int32_t *id, const tay_expr *e)
{
    *id = tay__node_of(s, e)->value;
    return *id >= 0 ? TAY_OK : tay__array_push(&s->missing, &e);
}

bool tay__is_coefficient(const tay__lower_state *s, const tay_expr *e)
{
    if (s->v->jets) return !(e->depends & (TAY__DEPENDS_VARIABLE | TAY__DEPENDS_TIME));
    return e->kind == TAY_KIND_NUMBER || (e->kind == TAY_KIND_FUNCTION && e->n_args == 0);
}

bool tay__has_number_exponent(const tay_expr *e)
{
    return e->kind == TAY_KIND_FUNCTION && e->function == TAY_POW && e->u.args[1]->kind == TAY_KIND_NUMBER;
}

bool tay__is_denominator(const tay__lower_state *s, const tay_expr *e)
{
    return tay__has_number_exponent(e) && e->u.args[1]->u.number == -1.0 && tay__single_use(s, e);
}

bool tay__two_factors(const tay__lower_state *s, const tay_expr *e, const tay_expr **a, const tay_expr **b)
{
    if (tay__has_number_exponent(e) && e->u.args[1]->u.number == 2.0) {
        *a = *b = e->u.args[0];
        return true;
    }
    if (e->kind != TAY_KIND_PRODUCT || e->n_args != 2 || tay__node_of(s, e)->core) return false;
    *a = e->u.args[0];
    *b = e->u.args[1];
    return !tay__is_denominator(s, *a) && !tay__is_denominator(s, *b);
}

static tay_status use(tay__lower_state *s, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay__node *node = tay__node_of(s, e);

    if (!node) {
        TAY_TRY(tay__map_set(&s->index, key_of(e), s->nodes.count));
        TAY_TRY(tay__array_push(&s->nodes, &(tay__node){.e = e, .value = -1}));
        TAY_TRY(tay__array_push(&s->stack, &e));
        node = (tay__node *)s->nodes.data + s->nodes.count - 1;
    }
    if (node->uses < UINT32_MAX) node->uses++;
out:
    return status;
}

/* Keeps an expression made on the way for as long as the values. */
static tay_status own(tay__lower_state *s, tay_expr *e)
{
    tay_status status = tay__array_push(&s->v->owned, &e);
    if (status != TAY_OK) tay_expr_unref(e);
    return status;
}

/* The factors of the product e that are coefficients, or those that are not, into s->work. */
static tay_status factors(tay__lower_state *s, const tay_expr *e, bool coefficients)
{
    tay_status status = TAY_OK;

    s->work.count = 0;
    for (uint32_t k = 0; k < e->n_args; k++)
        if (tay__is_coefficient(s, e->u.args[k]) == coefficients) TAY_TRY(tay__array_push(&s->work, &e->u.args[k]));
out:
    return status;
}

/* Finds the core of a product with coefficients, and counts what it uses. */
static tay_status count_product(tay__lower_state *s, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr *core = NULL;

    TAY_TRY(factors(s, e, false));
    if (s->work.count == e->n_args || s->work.count == 0) {
        for (uint32_t k = 0; k < e->n_args; k++) TAY_TRY(use(s, e->u.args[k]));
        goto out;
    }
    TAY_TRY(tay_expr_prod(&core, s->work.data, s->work.count));
    TAY_TRY(own(s, core));
    tay__node_of(s, e)->core = core;
    TAY_TRY(use(s, core));
out:
    return status;
}

/* d(a^b)/da is b y / a here: the row's b a^(b - 1) is another power, whose derivative is another, and so on. */
static tay_status partial(tay_expr **out, const tay_expr *e, uint32_t k)
{
    tay_status status = TAY_OK;
    tay_expr *numerator = NULL;

    if (e->function != TAY_POW || k != 0) return tay__expr_partial(out, e, k);
    TAY_TRY(tay_expr_mul(&numerator, e->u.args[1], e));
    TAY_TRY(tay_expr_div(out, numerator, e->u.args[0]));
out:
    tay_expr_unref(numerator);
    return status;
}

/* d(a^b)/db = y log(a) for a coefficient b, and 0 for a <= 0: it must be a number where a^b is, as in (-2)^par[0] with
 * par[0] = 2, since it is multiplied by zeros: coefficients of b, cotangents. */
static tay_status partial_of_exponent(tay_expr **out, const tay_expr *e)
{
    tay_status status = TAY_OK;
    const tay_expr *a = e->u.args[0];
    tay_expr *zero = NULL, *one = NULL, *positive = NULL, *base = NULL, *logarithm = NULL;

    TAY_TRY(tay_expr_number(&zero, 0.0));
    TAY_TRY(tay_expr_number(&one, 1.0));
    TAY_TRY(tay_expr_function(&positive, TAY_GT, (const tay_expr *const[]){a, zero}, 2));
    TAY_TRY(tay_expr_function(&base, TAY_SELECT, (const tay_expr *const[]){positive, a, one}, 3));
    TAY_TRY(tay_expr_function(&logarithm, TAY_LOG, (const tay_expr *const[]){base}, 1));
    TAY_TRY(tay_expr_mul(out, e, logarithm));
out:
    tay_expr_unref(zero);
    tay_expr_unref(one);
    tay_expr_unref(positive);
    tay_expr_unref(base);
    tay_expr_unref(logarithm);
    return status;
}

/* The derivatives of an integral, which it uses at lower orders. That with respect to a coefficient is not needed, but for
 * the cotangents of parameters. */
static tay_status count_derivatives(tay__lower_state *s, const tay_expr *e)
{
    tay_status status = TAY_OK;

    tay__node_of(s, e)->derivatives = (uint32_t)s->derivatives.count;
    for (uint32_t k = 0; k < e->n_args; k++) {
        const tay_expr *arg = e->u.args[k];
        tay_expr *g = NULL;
        bool coefficient = tay__is_coefficient(s, arg);
        if (coefficient && !(s->v->reversible && arg->depends & TAY__DEPENDS_PARAMETER))
            TAY_TRY(tay_expr_number(&g, 0.0));
        else if (e->function == TAY_POW && k == 1 && (coefficient || !s->v->jets))
            TAY_TRY(partial_of_exponent(&g, e));
        else
            TAY_TRY(partial(&g, e, k));
        TAY_TRY(own(s, g));
        TAY_TRY(tay__array_push(&s->derivatives, &g));
        TAY_TRY(use(s, g));
    }
out:
    return status;
}

static tay_status count_children(tay__lower_state *s, const tay_expr *e)
{
    tay_status status = TAY_OK;

    if (tay__is_coefficient(s, e)) goto out;
    switch (e->kind) {
    case TAY_KIND_TIME: s->has_time = true; break;
    case TAY_KIND_PARAMETER:
        if (e->u.parameter >= s->v->n_pars) s->v->n_pars = e->u.parameter + 1;
        break;
    case TAY_KIND_PRODUCT: TAY_TRY(count_product(s, e)); break;
    case TAY_KIND_SUM:
        for (uint32_t k = 0; k < e->n_args; k++) TAY_TRY(use(s, e->u.args[k]));
        break;
    case TAY_KIND_FUNCTION: {
        bool power = tay__has_number_exponent(e);
        for (uint32_t k = 0; k < (power ? 1 : e->n_args); k++) TAY_TRY(use(s, e->u.args[k]));
        if (s->v->derivatives && !power && tay__functions[e->function].form == TAY__INTEGRAL) TAY_TRY(count_derivatives(s, e));
        break;
    }
    default: break;
    }
out:
    return status;
}

tay_status tay__count(tay__lower_state *s, const tay_expr *root)
{
    tay_status status = TAY_OK;

    s->stack.count = 0;
    TAY_TRY(use(s, root));
    while (s->stack.count > 0) {
        const tay_expr *e = ((const tay_expr **)s->stack.data)[--s->stack.count];
        TAY_TRY(count_children(s, e));
    }
out:
    return status;
}

tay_status tay__split_coefficient(tay__lower_state *s, uint32_t *coef, const tay_expr **core, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay__node *node = tay__node_of(s, e);
    tay__array work = s->work;

    *coef = TAY__ONE;
    *core = e;
    if (!node->core) goto out;
    *core = node->core;
    s->work = TAY__ARRAY(const tay_expr *); /* the caller's is in use */
    status = factors(s, e, true);
    if (status == TAY_OK) status = tay__coefficient_of(s, coef, TAY_KIND_PRODUCT, s->work.data, s->work.count);
    tay__array_free(&s->work);
    s->work = work;
out:
    return status;
}

tay_status tay__number_coefficient(tay__lower_state *s, uint32_t *ref, double x)
{
    tay_status status = TAY_OK;
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    const uint64_t *known = tay__map_get(&s->v->number_index, bits);
    if (!known) {
        TAY_TRY(tay__map_set(&s->v->number_index, bits, s->v->numbers.count));
        TAY_TRY(tay__array_push(&s->v->numbers, &x));
        known = tay__map_get(&s->v->number_index, bits);
    }
    *ref = (uint32_t)*known;
out:
    return status;
}

/* The value of a coefficient without parameters: a number or a constant function. */
static bool number_value(double *x, const tay_expr *e)
{
    if (e->kind == TAY_KIND_NUMBER)
        *x = e->u.number;
    else if (e->kind == TAY_KIND_FUNCTION && e->n_args == 0)
        *x = tay__functions[e->function].evaluate(NULL, 0);
    else
        return false;
    return true;
}

tay_status tay__coefficient_of(tay__lower_state *s, uint32_t *ref, tay_expr_kind kind, const tay_expr *const *e, size_t n)
{
    tay_status status = TAY_OK;
    double total = kind == TAY_KIND_SUM ? 0.0 : 1.0, x;
    size_t k = 0;
    tay_expr *combined = NULL;

    for (; k < n && number_value(&x, e[k]); k++) total = kind == TAY_KIND_SUM ? total + x : total * x;
    if (k == n) return tay__number_coefficient(s, ref, total);
    const tay_expr *coefficient = e[0];
    if (n > 1) {
        TAY_TRY(kind == TAY_KIND_SUM ? tay_expr_sum(&combined, e, n) : tay_expr_prod(&combined, e, n));
        TAY_TRY(own(s, combined));
        coefficient = combined;
    }
    const uint64_t *known = tay__map_get(&s->v->prologue_index, key_of(coefficient));
    if (known) {
        *ref = (uint32_t)*known | TAY__PROLOGUE;
        goto out;
    }
    *ref = (uint32_t)s->v->prologue.count | TAY__PROLOGUE;
    TAY_TRY(tay__map_set(&s->v->prologue_index, key_of(coefficient), s->v->prologue.count));
    TAY_TRY(tay__array_push(&s->v->prologue, &coefficient));
out:
    return status;
}

tay_status tay__prologue_parameters(tay__lower_state *s)
{
    tay_status status = TAY_OK;
    tay_expr **pars = NULL;
    size_t n = 0;

    TAY_TRY(tay_expr_parameters(&pars, &n, s->v->prologue.data, s->v->prologue.count));
    if (n > 0) s->v->n_pars = pars[n - 1]->u.parameter + 1;
    for (size_t k = 0; k < n; k++) tay_expr_unref(pars[k]);
    tay_free(pars);
out:
    return status;
}
