/*
 * Lowering: expressions to values (values.h).
 *
 * First all nodes are counted (count.c), so that a sum or product that is used once is taken into the one that uses it;
 * then values are emitted in post-order with an explicit stack: a node whose operands are missing pushes them and is
 * looked at again. The partial derivatives that integrals need are part of the count and are emitted last, since they are
 * read at lower orders only.
 */
#include <math.h>

#include "program/lower.h"

/* Sums with more terms than this are split into chunks, which are a group of their own and vectorise. */
enum { LONG_SUM = 512, CHUNK = 64 };

static tay_status emit(tay__lower_state *s, int32_t *out, tay__value value, const tay__term *terms, size_t n_terms)
{
    tay_status status = TAY_OK;
    size_t id = s->v->values.count;

    if (id > INT32_MAX / 4 || s->v->terms.count + n_terms > UINT32_MAX / 4)
        TAY_FAIL(TAY_ERROR_LIMIT, "the expressions are too large: more than %d values", INT32_MAX / 4);
    value.first = (uint32_t)s->v->terms.count;
    value.n_terms = (uint32_t)n_terms;
    TAY_TRY(tay__array_reserve(&s->v->terms, n_terms));
    for (size_t k = 0; k < n_terms; k++) TAY_TRY(tay__array_push(&s->v->terms, &terms[k]));
    TAY_TRY(tay__array_push(&s->v->values, &value));
    *out = (int32_t)id;
out:
    return status;
}

static tay_status emit_sum_of(tay__lower_state *s, int32_t *out, tay__primitive primitive, uint32_t constant,
                              const tay__term *terms, size_t n)
{
    return emit(s, out, (tay__value){.primitive = (uint8_t)primitive, .constant = constant}, terms, n);
}

/* a * b */
static tay_status emit_product(tay__lower_state *s, int32_t *out, int32_t a, int32_t b)
{
    return emit_sum_of(s, out, TAY__PRODUCT, TAY__NONE, &(tay__term){a, b, TAY__ONE}, 1);
}

/* Replaces a long list of terms by the sums of its chunks. */
static tay_status shorten(tay__lower_state *s, tay__primitive primitive, tay__array *terms)
{
    tay_status status = TAY_OK;
    const tay__term *t = terms->data;
    size_t n = terms->count, kept = 0;

    if (n <= LONG_SUM) return TAY_OK;
    for (size_t begin = 0; begin < n; begin += CHUNK) {
        size_t length = n - begin < CHUNK ? n - begin : CHUNK;
        int32_t id;
        TAY_TRY(emit_sum_of(s, &id, primitive, TAY__NONE, t + begin, length));
        ((tay__term *)terms->data)[kept++] = (tay__term){id, -1, TAY__ONE};
    }
    terms->count = kept;
    status = shorten(s, TAY__LINEAR, terms); /* depth: logarithm of n */
out:
    return status;
}

/* The value of a sum from its linear and quadratic terms (s->linear, s->quadratic) and its constant. */
static tay_status emit_sum(tay__lower_state *s, int32_t *out, uint32_t constant)
{
    tay_status status = TAY_OK;

    if (s->quadratic.count > LONG_SUM) {
        TAY_TRY(shorten(s, TAY__PRODUCT, &s->quadratic));
        for (size_t k = 0; k < s->quadratic.count; k++)
            TAY_TRY(tay__array_push(&s->linear, (tay__term *)s->quadratic.data + k));
        s->quadratic.count = 0;
    }
    TAY_TRY(shorten(s, TAY__LINEAR, &s->linear));
    if (s->quadratic.count > 0) {
        bool alone = s->linear.count == 0 && (constant == TAY__NONE || s->quadratic.count == 1);
        int32_t id;
        TAY_TRY(emit_sum_of(s, &id, TAY__PRODUCT, alone ? constant : TAY__NONE, s->quadratic.data, s->quadratic.count));
        if (alone) {
            *out = id;
            goto out;
        }
        TAY_TRY(tay__array_push(&s->linear, &(tay__term){id, -1, TAY__ONE}));
    }
    const tay__term *first = s->linear.data;
    if (s->linear.count == 1 && constant == TAY__NONE && first->coef == TAY__ONE)
        *out = first->a;
    else
        TAY_TRY(emit_sum_of(s, out, TAY__LINEAR, constant, s->linear.data, s->linear.count));
out:
    return status;
}

/* A factor of a product of two: a number that it is multiplied by goes into the product's coefficient. */
static tay_status take_factor(tay__lower_state *s, int32_t *id, uint32_t *coef, const tay_expr *e)
{
    tay_status status = TAY_OK;
    const tay_expr *core;
    uint32_t number;

    TAY_TRY(tay__split_coefficient(s, &number, &core, e));
    if (number != TAY__ONE && !(number & TAY__PROLOGUE) && !(*coef & TAY__PROLOGUE)) {
        const double *numbers = s->v->numbers.data;
        TAY_TRY(tay__number_coefficient(s, coef, numbers[*coef] * numbers[number]));
        e = core;
    }
    TAY_TRY(tay__operand(s, id, e));
out:
    return status;
}

/* Adds coef * e to the terms of a sum; e is not a coefficient. */
static tay_status add_term(tay__lower_state *s, const tay_expr *e, uint32_t coef)
{
    tay_status status = TAY_OK;
    const tay_expr *a, *b;
    tay__term term = {-1, -1, coef};

    if (tay__single_use(s, e) && tay__two_factors(s, e, &a, &b)) {
        TAY_TRY(take_factor(s, &term.a, &term.coef, a));
        TAY_TRY(take_factor(s, &term.b, &term.coef, b));
        TAY_TRY(tay__array_push(&s->quadratic, &term));
    } else {
        TAY_TRY(take_factor(s, &term.a, &term.coef, e));
        TAY_TRY(tay__array_push(&s->linear, &term));
    }
out:
    return status;
}

/* Whether a term of a sum is a sum whose terms are taken instead: it is used once; or it is a variable and coefficients, which
 * is no more work, and sums that differ in coefficients become alike. */
static bool is_part(const tay__lower_state *s, const tay_expr *e)
{
    if (e->kind != TAY_KIND_SUM || tay__is_coefficient(s, e)) return false;
    if (tay__single_use(s, e)) return true;
    uint32_t n_variables = 0, n_others = 0;
    for (uint32_t k = 0; k < e->n_args; k++) {
        n_variables += e->u.args[k]->kind == TAY_KIND_VARIABLE;
        n_others += e->u.args[k]->kind != TAY_KIND_VARIABLE && !tay__is_coefficient(s, e->u.args[k]);
    }
    return n_variables == 1 && n_others == 0;
}

static tay_status lower_sum(tay__lower_state *s, int32_t *out, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay__array *work = &s->work;
    uint32_t constant = TAY__NONE;

    work->count = 0;
    TAY_TRY(tay__array_push(work, &e));
    while (work->count > 0) {
        const tay_expr *t = ((const tay_expr **)work->data)[--work->count];
        const tay_expr *core;
        uint32_t coef;
        if (t == e || is_part(s, t)) {
            for (uint32_t k = t->n_args; k-- > 0;) TAY_TRY(tay__array_push(work, &t->u.args[k]));
        } else if (tay__is_coefficient(s, t)) {
            TAY_TRY(tay__array_push(&s->constants, &t));
        } else {
            TAY_TRY(tay__split_coefficient(s, &coef, &core, t));
            TAY_TRY(add_term(s, core, coef));
        }
    }
    if (s->missing.count > 0) goto out;
    if (s->constants.count > 0)
        TAY_TRY(tay__coefficient_of(s, &constant, TAY_KIND_SUM, s->constants.data, s->constants.count));
    TAY_TRY(emit_sum(s, out, constant));
out:
    return status;
}

/* The product of the values ids[n] as a balanced tree; ids is overwritten. */
static tay_status emit_tree(tay__lower_state *s, int32_t *out, int32_t *ids, size_t n)
{
    tay_status status = TAY_OK;

    for (; n > 1; n = (n + 1) / 2) {
        for (size_t k = 0; k + 1 < n; k += 2) TAY_TRY(emit_product(s, &ids[k / 2], ids[k], ids[k + 1]));
        if (n % 2 == 1) ids[n / 2] = ids[n - 1];
    }
    *out = ids[0];
out:
    return status;
}

/* Collects the factors of e, through nested products that are used once, as values above and below the line. */
static tay_status collect_factors(tay__lower_state *s, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay__array *work = &s->work;
    int32_t id;

    work->count = 0;
    TAY_TRY(tay__array_push(work, &e));
    while (work->count > 0) {
        const tay_expr *t = ((const tay_expr **)work->data)[--work->count];
        if (t == e || (t->kind == TAY_KIND_PRODUCT && !tay__is_coefficient(s, t) && tay__single_use(s, t))) {
            for (uint32_t k = t->n_args; k-- > 0;) TAY_TRY(tay__array_push(work, &t->u.args[k]));
        } else if (tay__is_coefficient(s, t)) {
            TAY_TRY(tay__array_push(&s->constants, &t));
        } else if (tay__is_denominator(s, t)) {
            TAY_TRY(tay__operand(s, &id, t->u.args[0]));
            TAY_TRY(tay__array_push(&s->below, &id));
        } else {
            TAY_TRY(tay__operand(s, &id, t));
            TAY_TRY(tay__array_push(&s->above, &id));
        }
    }
out:
    return status;
}

static tay_status lower_product(tay__lower_state *s, int32_t *out, const tay_expr *e)
{
    tay_status status = TAY_OK;
    const tay_expr *core;
    uint32_t coef;
    int32_t id, below;

    TAY_TRY(tay__split_coefficient(s, &coef, &core, e));
    if (core != e) { /* coef * core */
        TAY_TRY(add_term(s, core, coef));
        if (s->missing.count == 0) TAY_TRY(emit_sum(s, out, TAY__NONE));
        goto out;
    }
    TAY_TRY(collect_factors(s, e));
    if (s->missing.count > 0) goto out;
    coef = TAY__ONE;
    if (s->constants.count > 0)
        TAY_TRY(tay__coefficient_of(s, &coef, TAY_KIND_PRODUCT, s->constants.data, s->constants.count));
    if (s->above.count == 0 && s->below.count == 0) {
        TAY_TRY(emit_sum_of(s, out, TAY__LINEAR, coef, NULL, 0));
        goto out;
    }
    if (s->above.count > 0) TAY_TRY(emit_tree(s, &id, s->above.data, s->above.count));
    if (s->below.count > 0) {
        TAY_TRY(emit_tree(s, &below, s->below.data, s->below.count));
        if (s->above.count > 0)
            TAY_TRY(emit_sum_of(s, &id, TAY__QUOTIENT, TAY__NONE, &(tay__term){id, below, TAY__ONE}, 1));
        else
            TAY_TRY(emit(s, &id, (tay__value){.primitive = TAY__POWER, .constant = TAY__NONE, .exponent = -1.0},
                         &(tay__term){below, -1, TAY__ONE}, 1));
    }
    if (coef != TAY__ONE)
        TAY_TRY(emit_sum_of(s, &id, TAY__LINEAR, TAY__NONE, &(tay__term){id, -1, coef}, 1));
    *out = id;
out:
    return status;
}

/* Whole powers above are not products where values alone are wanted: each would add its rounding error. */
#define MOST_PRODUCTS 16.0

/* x^p for a whole number p >= 2 by squaring, which with derivatives also holds where x is 0. */
static tay_status emit_whole_power(tay__lower_state *s, int32_t *out, int32_t x, uint64_t p)
{
    tay_status status = TAY_OK;
    int32_t result = -1;

    for (; p > 0; p >>= 1) {
        if (p & 1) {
            if (result < 0)
                result = x;
            else
                TAY_TRY(emit_product(s, &result, result, x));
        }
        if (p > 1) TAY_TRY(emit_product(s, &x, x, x));
    }
    *out = result;
out:
    return status;
}

static bool is_whole(double p)
{
    return p == floor(p);
}

/* Whether (x^q)^p is x^(q p) for all x and takes less work so: 1/sqrt(x)^3 is x^(-3/2), but sqrt(x)^2 is not x. */
static bool powers_join(double q, double p)
{
    return is_whole(p) && (is_whole(q) ? q * p < 0 : !is_whole(q * p));
}

static tay_status lower_power(tay__lower_state *s, int32_t *out, const tay_expr *base, double p)
{
    tay_status status = TAY_OK;
    int32_t x;

    while (tay__has_number_exponent(base) && powers_join(base->u.args[1]->u.number, p)) {
        p *= base->u.args[1]->u.number;
        base = base->u.args[0];
    }
    TAY_TRY(tay__operand(s, &x, base));
    if (s->missing.count > 0) goto out;
    if (p >= 2.0 && p <= (s->v->derivatives ? 0x1p30 : MOST_PRODUCTS) && is_whole(p))
        TAY_TRY(emit_whole_power(s, out, x, (uint64_t)p));
    else
        TAY_TRY(emit(s, out, (tay__value){.primitive = TAY__POWER, .constant = TAY__NONE, .exponent = p},
                     &(tay__term){x, -1, TAY__ONE}, 1));
out:
    return status;
}

static tay_status lower_function(tay__lower_state *s, int32_t *out, const tay_expr *e)
{
    tay_status status = TAY_OK;
    bool integral = tay__functions[e->function].form == TAY__INTEGRAL;
    tay__value value = {.primitive = integral ? TAY__INTEGRATE : TAY__CHOICE, .function = e->function, .constant = TAY__NONE};

    if (tay__has_number_exponent(e)) return lower_power(s, out, e->u.args[0], e->u.args[1]->u.number);
    for (uint32_t k = 0; k < e->n_args; k++) {
        tay__term term = {-1, -1, TAY__ONE};
        TAY_TRY(tay__operand(s, &term.a, e->u.args[k]));
        TAY_TRY(tay__array_push(&s->linear, &term));
    }
    if (s->missing.count > 0) goto out;
    TAY_TRY(emit(s, out, value, s->linear.data, s->linear.count));
    if (integral && s->v->derivatives)
        TAY_TRY(tay__array_push(&s->integrals, &(tay__integral){*out, tay__node_of(s, e)->derivatives}));
out:
    return status;
}

/* A leaf, or a coefficient that stands where a value is needed. */
static tay_status lower_leaf(tay__lower_state *s, int32_t *out, const tay_expr *e)
{
    tay_status status = TAY_OK;
    uint32_t constant;

    if (tay__is_coefficient(s, e)) {
        TAY_TRY(tay__coefficient_of(s, &constant, TAY_KIND_SUM, &e, 1));
        TAY_TRY(emit_sum_of(s, out, TAY__LINEAR, constant, NULL, 0));
    } else if (e->kind == TAY_KIND_PARAMETER) {
        *out = (int32_t)(s->v->n_inputs + e->u.parameter);
    } else if (e->kind == TAY_KIND_TIME) {
        *out = s->v->time;
    } else {
        const uint64_t *input = tay__map_get(&s->inputs, (uint64_t)(uintptr_t)e);
        if (!input)
            TAY_FAIL(TAY_ERROR_ARGUMENT, "the variable '%s' occurs in the expressions but is not among the variables given",
                     e->u.name);
        *out = (int32_t)*input;
    }
out:
    return status;
}

/* Emits e into *out, or leaves what it needs first in s->missing. */
static tay_status lower_node(tay__lower_state *s, int32_t *out, const tay_expr *e)
{
    s->linear.count = s->quadratic.count = s->constants.count = s->above.count = s->below.count = s->missing.count = 0;
    if (tay__is_coefficient(s, e)) return lower_leaf(s, out, e);
    switch (e->kind) {
    case TAY_KIND_SUM: return lower_sum(s, out, e);
    case TAY_KIND_PRODUCT: return lower_product(s, out, e);
    case TAY_KIND_FUNCTION: return lower_function(s, out, e);
    default: return lower_leaf(s, out, e);
    }
}

static tay_status lower_root(tay__lower_state *s, int32_t *out, const tay_expr *root)
{
    tay_status status = TAY_OK;
    tay__array *stack = &s->stack;

    stack->count = 0;
    TAY_TRY(tay__array_push(stack, &root));
    while (stack->count > 0) {
        const tay_expr *e = ((const tay_expr **)stack->data)[stack->count - 1];
        int32_t id = -1;
        if (tay__node_of(s, e)->value >= 0) {
            stack->count--;
            continue;
        }
        TAY_TRY(lower_node(s, &id, e));
        if (s->missing.count == 0) {
            tay__node_of(s, e)->value = id;
            stack->count--;
            continue;
        }
        for (size_t k = s->missing.count; k-- > 0;)
            TAY_TRY(tay__array_push(stack, (const tay_expr **)s->missing.data + k));
    }
    *out = tay__node_of(s, root)->value;
out:
    return status;
}

/* The derivatives of the integrals emitted so far; emitting them may add integrals. */
static tay_status lower_derivatives(tay__lower_state *s)
{
    tay_status status = TAY_OK;

    for (size_t i = 0; i < s->integrals.count; i++) {
        tay__integral integral = ((tay__integral *)s->integrals.data)[i];
        uint32_t n = tay__value_at(s->v, integral.value)->n_terms;
        for (uint32_t k = 0; k < n; k++) {
            const tay_expr *g = ((const tay_expr **)s->derivatives.data)[integral.derivatives + k];
            int32_t id;
            TAY_TRY(lower_root(s, &id, g));
            tay__terms_of(s->v, tay__value_at(s->v, integral.value))[k].b = id;
        }
    }
out:
    return status;
}

/* The values that are there from the start: inputs, parameters (without jets), time. */
static tay_status lower_inputs(tay__lower_state *s, const tay__program_spec *spec)
{
    tay_status status = TAY_OK;
    tay__values *v = s->v;
    size_t n = spec->n_inputs + (spec->jets ? 0 : v->n_pars);
    int32_t id;

    if (n > INT32_MAX / 4)
        TAY_FAIL(TAY_ERROR_LIMIT, "too many variables and parameters: %zu, at most %d", n, INT32_MAX / 4);
    TAY_TRY(tay__array_reserve(&v->values, n));
    for (size_t i = 0; i < n; i++) {
        tay__primitive primitive = tay__has_states(v) ? TAY__STATE : TAY__INPUT;
        TAY_TRY(emit(s, &id, (tay__value){.primitive = (uint8_t)primitive, .constant = TAY__NONE},
                     &(tay__term){-1, -1, TAY__ONE}, tay__has_states(v)));
    }
    if (s->has_time)
        TAY_TRY(emit(s, &v->time, (tay__value){.primitive = TAY__INPUT, .constant = TAY__NONE}, NULL, 0));
out:
    return status;
}

static tay_status lower_all(tay__lower_state *s, const tay__program_spec *spec)
{
    tay_status status = TAY_OK;
    tay__values *v = s->v;
    uint32_t one;

    TAY_TRY(tay__number_coefficient(s, &one, 1.0));
    for (size_t i = 0; i < spec->n_outputs; i++) TAY_TRY(tay__count(s, spec->outputs[i]));
    TAY_TRY(lower_inputs(s, spec));
    for (size_t i = 0; i < spec->n_outputs; i++) {
        TAY_TRY(lower_root(s, &v->outputs[i], spec->outputs[i]));
        if (tay__has_states(v)) tay__terms_of(v, tay__value_at(v, (int32_t)i))->a = v->outputs[i];
    }
    TAY_TRY(lower_derivatives(s));
    if (spec->jets) TAY_TRY(tay__prologue_parameters(s));
out:
    return status;
}

tay_status tay__lower(tay__values *v, const tay__program_spec *spec)
{
    tay_status status = TAY_OK;
    tay__lower_state s = {.v = v,
                          .nodes = TAY__ARRAY(tay__node),
                          .derivatives = TAY__ARRAY(const tay_expr *),
                          .integrals = TAY__ARRAY(tay__integral),
                          .stack = TAY__ARRAY(const tay_expr *),
                          .work = TAY__ARRAY(const tay_expr *),
                          .missing = TAY__ARRAY(const tay_expr *),
                          .constants = TAY__ARRAY(const tay_expr *),
                          .linear = TAY__ARRAY(tay__term),
                          .quadratic = TAY__ARRAY(tay__term),
                          .above = TAY__ARRAY(int32_t),
                          .below = TAY__ARRAY(int32_t)};

    *v = (tay__values){.values = TAY__ARRAY(tay__value),
                       .terms = TAY__ARRAY(tay__term),
                       .numbers = TAY__ARRAY(double),
                       .prologue = TAY__ARRAY(const tay_expr *),
                       .owned = TAY__ARRAY(tay_expr *),
                       .n_inputs = (uint32_t)spec->n_inputs,
                       .n_outputs = (uint32_t)spec->n_outputs,
                       .time = -1,
                       .jets = spec->jets,
                       .given = spec->given,
                       .derivatives = spec->jets || spec->reversible,
                       .reversible = spec->reversible};
    TAY_TRY(tay__calloc(&v->outputs, spec->n_outputs, sizeof(int32_t)));
    TAY_TRY(tay__lower_inputs_map(&s, spec));
    TAY_TRY(lower_all(&s, spec));
out:
    tay__lower_state_free(&s);
    return status;
}

void tay__values_free(tay__values *v)
{
    for (size_t i = 0; i < v->owned.count; i++) tay_expr_unref(((tay_expr **)v->owned.data)[i]);
    tay__array_free(&v->owned);
    tay__array_free(&v->values);
    tay__array_free(&v->terms);
    tay__array_free(&v->numbers);
    tay__map_free(&v->number_index);
    tay__array_free(&v->prologue);
    tay__map_free(&v->prologue_index);
    tay__free(v->outputs);
}
