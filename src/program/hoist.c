/*
 * Hoisting: a sum of products in a part that feeds back, some of whose products do not, becomes two: what does not feed
 * back is taken out, is computed before over all orders at once, and is added. In phi' = J phi + g x, where J, g and x do not
 * depend on phi, the products J phi of all columns become alike, whatever is added to them.
 */
#include "program/values.h"

typedef struct hoister {
    tay__values *v;
    const tay__rank *ranks;
    tay__array values, terms; /* the new ones */
    int32_t *moved;           /* [n_values] old value -> new value */
    tay__array inside, outside; /* of tay__term */
} hoister;

static bool feeds_back(const hoister *h, int32_t value, const tay__term *term)
{
    uint32_t part = h->ranks[value].part;
    return h->ranks[term->a].part == part || h->ranks[term->b].part == part;
}

/* Appends a value with these terms. */
static tay_status append(hoister *h, tay__value value, const tay__term *terms, size_t n)
{
    tay_status status = TAY_OK;

    value.first = (uint32_t)h->terms.count;
    value.n_terms = (uint32_t)n;
    for (size_t k = 0; k < n; k++) TAY_TRY(tay__array_push(&h->terms, &terms[k]));
    TAY_TRY(tay__array_push(&h->values, &value));
out:
    return status;
}

/* The terms of value i with the new names of their operands; delayed ones keep the old names until rename_delayed. */
static tay_status sort_terms(hoister *h, int32_t i)
{
    tay_status status = TAY_OK;
    const tay__value *value = tay__value_at(h->v, i);
    const tay__term *terms = tay__terms_of(h->v, value);
    bool splits = value->primitive == TAY__PRODUCT && h->ranks[i].recurrent;

    h->inside.count = h->outside.count = 0;
    for (uint32_t k = 0; k < value->n_terms; k++) {
        tay__term t = terms[k];
        bool out = splits && !feeds_back(h, i, &t);
        if (t.a >= 0 && !tay__delays_a(value->primitive)) t.a = h->moved[t.a];
        if (t.b >= 0 && !tay__delays_b(value->primitive)) t.b = h->moved[t.b];
        TAY_TRY(tay__array_push(out ? &h->outside : &h->inside, &t));
    }
out:
    return status;
}

/* outside + inside + c */
static tay_status split(hoister *h, const tay__value *value)
{
    tay_status status = TAY_OK;
    tay__value product = *value, sum = *value;
    tay__term terms[2] = {{-1, -1, TAY__ONE}, {-1, -1, TAY__ONE}};

    product.constant = TAY__NONE;
    sum.primitive = TAY__LINEAR;
    TAY_TRY(append(h, product, h->outside.data, h->outside.count));
    terms[0].a = (int32_t)h->values.count - 1;
    TAY_TRY(append(h, product, h->inside.data, h->inside.count));
    terms[1].a = (int32_t)h->values.count - 1;
    TAY_TRY(append(h, sum, terms, 2));
out:
    return status;
}

static void rename_delayed(const hoister *h)
{
    tay__term *terms = h->terms.data;

    for (size_t i = 0; i < h->values.count; i++) {
        const tay__value *value = (const tay__value *)h->values.data + i;
        for (uint32_t k = 0; k < value->n_terms; k++) {
            tay__term *t = &terms[value->first + k];
            if (tay__delays_a(value->primitive) && t->a >= 0) t->a = h->moved[t->a];
            if (tay__delays_b(value->primitive) && t->b >= 0) t->b = h->moved[t->b];
        }
    }
}

static tay_status rebuild(hoister *h)
{
    tay_status status = TAY_OK;
    size_t n = h->v->values.count;

    TAY_TRY(tay__array_reserve(&h->values, n));
    TAY_TRY(tay__array_reserve(&h->terms, h->v->terms.count));
    for (size_t i = 0; i < n; i++) {
        const tay__value *value = tay__value_at(h->v, (int32_t)i);
        TAY_TRY(sort_terms(h, (int32_t)i));
        if (h->inside.count > 0 && h->outside.count > 0)
            TAY_TRY(split(h, value));
        else
            TAY_TRY(append(h, *value, h->inside.count > 0 ? h->inside.data : h->outside.data, value->n_terms));
        h->moved[i] = (int32_t)h->values.count - 1;
    }
    rename_delayed(h);
out:
    return status;
}

tay_status tay__hoist(tay__values *v, const tay__rank *ranks)
{
    tay_status status = TAY_OK;
    hoister h = {.v = v, .ranks = ranks, .values = TAY__ARRAY(tay__value), .terms = TAY__ARRAY(tay__term),
                 .inside = TAY__ARRAY(tay__term), .outside = TAY__ARRAY(tay__term)};

    TAY_TRY(tay__alloc(&h.moved, v->values.count, sizeof *h.moved));
    TAY_TRY(rebuild(&h));
    if (v->time >= 0) v->time = h.moved[v->time];
    tay__array_free(&v->values);
    tay__array_free(&v->terms);
    v->values = h.values;
    v->terms = h.terms;
    h.values = h.terms = (tay__array){0};
out:
    tay__array_free(&h.values);
    tay__array_free(&h.terms);
    tay__array_free(&h.inside);
    tay__array_free(&h.outside);
    tay__free(h.moved);
    return status;
}
