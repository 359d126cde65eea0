/*
 * The flat form of a program, between lowering and rolling: values in single-assignment form, each made by one primitive
 * from terms that name earlier values. Private to this area.
 */
#ifndef TAY__VALUES_H
#define TAY__VALUES_H

#include "program/program.h"

/* A reference to a coefficient: a number, or, with this bit, an output of the prologue. Number 0 is 1.0. */
enum { TAY__ONE = 0 };
#define TAY__PROLOGUE 0x80000000u
#define TAY__NONE 0xffffffffu

/* linear: coef a; product: coef a b; quotient: a / b; integral: argument a with derivative b (set late); others: a. */
typedef struct tay__term {
    int32_t a, b;
    uint32_t coef;
} tay__term;

typedef struct tay__value {
    uint8_t primitive, function;
    uint32_t first, n_terms; /* its terms */
    uint32_t constant;       /* coefficient c of linear and product, or TAY__NONE */
    double exponent;
} tay__value;

typedef struct tay__values {
    tay__array values, terms; /* of tay__value, tay__term */
    tay__array numbers;       /* of double */
    tay__map number_index;    /* bits of the double -> index */
    tay__array prologue;      /* of const tay_expr *: outputs of the prologue */
    tay__map prologue_index;
    tay__array owned;         /* of tay_expr *: made on the way */
    int32_t *outputs;         /* [n_outputs] values; of states their derivatives, before hoisting */
    uint32_t n_inputs, n_pars, n_outputs;
    int32_t time;             /* the value that is time, or -1 */
    bool jets;
    bool given; /* inputs are no states */
    bool derivatives; /* integrals have theirs, as their second operands */
    bool reversible;  /* also those with respect to what depends on parameters alone */
} tay__values;

/* Lowers the expressions of spec. `values` is zero before, and to be freed in any case. */
tay_status tay__lower(tay__values *values, const tay__program_spec *spec);
void tay__values_free(tay__values *values);

/* Whether the inputs are states, and the outputs their derivatives. */
static inline bool tay__has_states(const tay__values *v)
{
    return v->jets && !v->given;
}

static inline const tay__value *tay__value_at(const tay__values *v, int32_t i)
{
    return (const tay__value *)v->values.data + i;
}

static inline tay__term *tay__terms_of(const tay__values *v, const tay__value *value)
{
    return (tay__term *)v->terms.data + value->first;
}

/* Whether operand b of this primitive is read at lower orders only, so that it may be made later; and a likewise. */
static inline bool tay__delays_b(uint8_t primitive)
{
    return primitive == TAY__INTEGRATE;
}

static inline bool tay__delays_a(uint8_t primitive)
{
    return primitive == TAY__STATE;
}

/* Whether all products of a value are squares; whether any coefficient is not 1. */
bool tay__is_square(const tay__values *v, const tay__value *value);
bool tay__has_coefs(const tay__values *v, const tay__value *value);

/*
 * Where each value stands: its stage's depth (rank of its strongly connected part), its level inside, whether the part
 * feeds back.
 */
typedef struct tay__rank {
    uint32_t part, depth, level;
    bool recurrent;
} tay__rank;

/* ranks[n_values], the caller's array. */
tay_status tay__rank_values(tay__rank *ranks, const tay__values *values);

/* Slots behind the last one, for vectors that read beyond a row. */
enum { TAY__OVERRUN = 64 };

/* Takes products that do not feed back out of sums that do. Ranks must be found anew afterwards. */
tay_status tay__hoist(tay__values *values, const tay__rank *ranks);

/* A group on its way: the values in it, in order. */
typedef struct tay__bundle {
    uint32_t depth, level;
    bool recurrent;
    int32_t first;    /* its first member */
    uint32_t found;   /* its index before sorting */
    uint32_t largest; /* the most members of a bundle of this depth */
    int32_t *members; /* in the order of their slots */
    uint32_t n_members;
} tay__bundle;

typedef struct tay__bundles {
    tay__bundle *bundles; /* in order of depth, level */
    uint32_t n;
    int32_t *members; /* of all */
    int32_t *slot;    /* [n_values] */
    int32_t *owner;   /* [n_values]: bundle, or -1 for inputs */
    bool *aligned;    /* [n_values]: its slot is a multiple of 8, where vectors begin */
    uint32_t n_slots;
} tay__bundles;

/* Bundles values of one depth, level and shape; gives slots. To be freed in any case (zero before). */
tay_status tay__bundle_values(tay__bundles *bundles, const tay__values *values, const tay__rank *ranks);
void tay__bundles_free(tay__bundles *bundles);

/* Inputs and states have the first slots; then come the members of each bundle, in order. */
void tay__give_slots(tay__bundles *bundles, const tay__values *values);

/* Gives members of bundles that feed back an order in which operands are runs (sort.c). */
tay_status tay__sort_members(tay__bundles *bundles, const tay__values *values);

/* Marks the values that begin rows, but for the first one. */
void tay__mark_rows(bool *marks, const tay__values *values, const tay__bundle *bundle, const int32_t *slot);

/* How many rows the members of a bundle make; if *table, one for each, and they get a table. */
uint32_t tay__count_rows(bool *table, const tay__values *values, const tay__bundle *bundle, const int32_t *slot);

/* The group of a bundle: rows, operands, coefficients appended to `packed` (of uint32_t). Arrays belong to `program`. */
tay_status tay__roll(tay__group *group, tay__program *program, const tay__bundle *bundle, const tay__values *values,
                     const int32_t *slot, tay__array *packed);

/* Splits the groups (in the order of their bundles) into stages of `program` and finds columns. */
tay_status tay__make_stages(tay__program *program, tay__group *groups, const tay__bundles *bundles);

#endif
