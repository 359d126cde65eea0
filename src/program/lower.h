/*
 * What lowering (lower.c) knows of the expressions: nodes with their uses (count.c) and coefficients (coefficient.c).
 * Private to this area.
 */
#ifndef TAY__LOWER_H
#define TAY__LOWER_H

#include "program/values.h"

/* An expression that is reached from the outputs. */
typedef struct tay__node {
    const tay_expr *e;
    const tay_expr *core;  /* product with coefficients: the product of the other factors, or the only one; else NULL */
    uint32_t uses;         /* by other nodes */
    int32_t value;         /* -1: not emitted */
    uint32_t derivatives;  /* integral: the first of its derivatives in lower_state.derivatives */
} tay__node;

typedef struct tay__integral {
    int32_t value;
    uint32_t derivatives;
} tay__integral;

typedef struct tay__lower_state {
    tay__values *v;
    tay__map inputs;       /* variable -> value */
    tay__map index;        /* expression -> node */
    tay__array nodes;      /* of tay__node */
    tay__array derivatives; /* of const tay_expr * */
    tay__array integrals;  /* of tay__integral, emitted */
    tay__array stack;      /* of const tay_expr * */
    /* for the node in hand */
    tay__array work, missing, constants; /* of const tay_expr * */
    tay__array linear, quadratic;        /* of tay__term */
    tay__array above, below;             /* of int32_t */
    bool has_time;
} tay__lower_state;

tay_status tay__lower_inputs_map(tay__lower_state *s, const tay__program_spec *spec);
void tay__lower_state_free(tay__lower_state *s);

/* Counts the uses of all nodes below root, with jets also of the derivatives of integrals. */
tay_status tay__count(tay__lower_state *s, const tay_expr *root);
/* The node of e, which has been counted. */
tay__node *tay__node_of(const tay__lower_state *s, const tay_expr *e);
bool tay__single_use(const tay__lower_state *s, const tay_expr *e);
/* The value of e in *id, or e is added to s->missing. */
tay_status tay__operand(tay__lower_state *s, int32_t *id, const tay_expr *e);

/* With jets: what depends on parameters alone; without: numbers. */
bool tay__is_coefficient(const tay__lower_state *s, const tay_expr *e);
/* pow(x, number) */
bool tay__has_number_exponent(const tay_expr *e);
/* pow(x, -1), used once: x is a divisor. */
bool tay__is_denominator(const tay__lower_state *s, const tay_expr *e);
/* e = a * b, neither a divisor: a product of two factors or a square. */
bool tay__two_factors(const tay__lower_state *s, const tay_expr *e, const tay_expr **a, const tay_expr **b);
/* e = coef * core; core is e itself (and coef TAY__ONE) where there is no coefficient to take out. */
tay_status tay__split_coefficient(tay__lower_state *s, uint32_t *coef, const tay_expr **core, const tay_expr *e);

/* References to coefficients: a number; the sum or product of n coefficients. */
tay_status tay__number_coefficient(tay__lower_state *s, uint32_t *ref, double x);
tay_status tay__coefficient_of(tay__lower_state *s, uint32_t *ref, tay_expr_kind kind, const tay_expr *const *e, size_t n);
/* Sets n_pars from the prologue's expressions. */
tay_status tay__prologue_parameters(tay__lower_state *s);

#endif
