/*
 * Two plain ways to the numbers of a program, to test the fast one against: an interpreter that walks a program's groups
 * member by member and order by order, in long double; and direct evaluation of an expression.
 */
#ifndef TAY__TEST_INTERPRET_H
#define TAY__TEST_INTERPRET_H

#include <math.h>
#include <stdlib.h>

#include "program/program.h"

/* jet[n * n_slots + slot]; coefficients[] as program->packed_from names them. */
typedef struct interpreter {
    const tay__program *p;
    long double *jet;
    const double *coefficients;
    uint32_t order;
} interpreter;

static inline long double *at(const interpreter *in, uint32_t n, int32_t slot)
{
    return &in->jet[(size_t)n * in->p->n_slots + (size_t)slot];
}

static inline int32_t operand_slot(const tay__group *g, const int32_t *table, tay__stride stride, uint32_t row, uint32_t k,
                                   int32_t m)
{
    if (stride == TAY__GATHER) return table[(size_t)k * (size_t)g->pitch + (size_t)m];
    return table[row * (size_t)g->n_terms + k] + (stride == TAY__CONTIGUOUS ? m : 0);
}

static inline long double coefficient(const interpreter *in, const tay__group *g, uint32_t row, uint32_t k, int32_t m)
{
    size_t i = g->coefs;

    if (!g->has_coefs) return 1;
    if (!g->varying_coefs)
        i += row * (size_t)g->n_terms + k;
    else if (g->a_stride == TAY__GATHER)
        i += k * (size_t)g->pitch + (size_t)m;
    else
        i += (size_t)g->n_terms * g->offset[row] + k * (size_t)g->rows[row].length + (size_t)m;
    return in->coefficients[in->p->packed_from[i]];
}

static inline long double function_value(const interpreter *in, const tay__group *g, uint32_t row, int32_t m)
{
    double args[16];

    for (uint32_t k = 0; k < g->n_terms; k++)
        args[k] = (double)*at(in, 0, operand_slot(g, g->a, g->a_stride, row, k, m));
    return tay__functions[g->function].evaluate(args, g->n_terms);
}

/* Coefficient n > 0 of a choice. */
static inline long double chosen(const interpreter *in, const tay__group *g, uint32_t row, int32_t m, uint32_t n)
{
#define ARG(k, order) (*at(in, order, operand_slot(g, g->a, g->a_stride, row, k, m)))
    if (g->function == TAY_RELU) return ARG(0, 0) > 0 ? ARG(0, n) : ARG(1, 0) * ARG(0, n);
    if (g->function == TAY_SELECT) return ARG(0, 0) != 0 ? ARG(1, n) : ARG(2, n);
    return 0;
#undef ARG
}

static inline long double member_value(const interpreter *in, const tay__group *g, uint32_t row, int32_t m, uint32_t n)
{
#define A(k, order) (*at(in, order, operand_slot(g, g->a, g->a_stride, row, k, m)))
#define B(k, order) (*at(in, order, operand_slot(g, g->b, g->b_stride, row, k, m)))
#define Y(order) (*at(in, order, g->rows[row].first + m))
    long double sum = 0;

    if (g->has_constant && n == 0)
        sum = in->coefficients[in->p->packed_from[g->constants + g->offset[row] + (size_t)m]];
    switch (g->primitive) {
    case TAY__STATE: return n == 0 ? Y(0) : A(0, n - 1) / n;
    case TAY__LINEAR:
        for (uint32_t k = 0; k < g->n_terms; k++) sum += coefficient(in, g, row, k, m) * A(k, n);
        return sum;
    case TAY__PRODUCT:
        for (uint32_t k = 0; k < g->n_terms; k++)
            for (uint32_t j = 0; j <= n; j++) sum += coefficient(in, g, row, k, m) * A(k, j) * B(k, n - j);
        return sum;
    case TAY__QUOTIENT:
        sum = A(0, n);
        for (uint32_t j = 1; j <= n; j++) sum -= B(0, j) * Y(n - j);
        return sum / B(0, 0);
    case TAY__POWER:
        if (n == 0) return powl(A(0, 0), g->exponent);
        for (uint32_t j = 0; j < n; j++) sum += (n * g->exponent - j * (g->exponent + 1)) * A(0, n - j) * Y(j);
        return sum / (n * A(0, 0));
    case TAY__INTEGRATE:
        if (n == 0) return function_value(in, g, row, m);
        for (uint32_t k = 0; k < g->n_terms; k++)
            for (uint32_t j = 1; j <= n; j++) sum += j * A(k, j) * B(k, n - j);
        return sum / n;
    default: return n == 0 ? function_value(in, g, row, m) : chosen(in, g, row, m, n);
    }
#undef A
#undef B
#undef Y
}

/* Runs all stages, each over all orders. The caller has set coefficient 0 of the inputs. */
static inline void interpret(const interpreter *in)
{
    if (in->p->time_slot >= 0 && in->order > 0) *at(in, 1, in->p->time_slot) = 1;
    for (uint32_t s = 0; s < in->p->n_stages; s++) {
        const tay__stage *stage = &in->p->stages[s];
        for (uint32_t n = 0; n <= in->order; n++)
            for (uint32_t g = 0; g < stage->n_groups; g++)
                for (uint32_t r = 0; r < stage->groups[g].n_rows; r++)
                    for (int32_t m = 0; m < stage->groups[g].rows[r].length; m++)
                        *at(in, n, stage->groups[g].rows[r].first + m) = member_value(in, &stage->groups[g], r, m, n);
    }
}

/* The value of e where variable v has the value given by `lookup`; recursive, for the small expressions of tests. */
static inline double direct(const tay_expr *e, double (*lookup)(const tay_expr *leaf, void *context), void *context)
{
    double value, args[64];

    switch (e->kind) {
    case TAY_KIND_NUMBER: return e->u.number;
    case TAY_KIND_SUM:
        value = 0;
        for (uint32_t k = 0; k < e->n_args; k++) value += direct(e->u.args[k], lookup, context);
        return value;
    case TAY_KIND_PRODUCT:
        value = 1;
        for (uint32_t k = 0; k < e->n_args; k++) value *= direct(e->u.args[k], lookup, context);
        return value;
    case TAY_KIND_FUNCTION:
        for (uint32_t k = 0; k < e->n_args; k++) args[k] = direct(e->u.args[k], lookup, context);
        return tay__functions[e->function].evaluate(args, e->n_args);
    default: return lookup(e, context);
    }
}

/* The numbers of a program: its own, then the prologue's outputs for the given parameters. Free with free(). */
static inline double *coefficients_of(const tay__program *p, const double *pars)
{
    size_t n_prologue = p->prologue ? p->prologue->n_outputs : 0;
    double *c = calloc(p->n_numbers + n_prologue + 1, sizeof *c);

    memcpy(c, p->numbers, p->n_numbers * sizeof *c);
    if (p->prologue) {
        interpreter in = {.p = p->prologue, .coefficients = p->prologue->numbers};
        in.jet = calloc(p->prologue->n_slots, sizeof *in.jet);
        for (uint32_t i = 0; i < p->prologue->n_pars; i++) in.jet[(size_t)p->prologue->par_slot + i] = pars[i];
        interpret(&in);
        for (size_t i = 0; i < n_prologue; i++) c[p->n_numbers + i] = (double)in.jet[p->prologue->outputs[i]];
        free(in.jet);
    }
    return c;
}

#endif
