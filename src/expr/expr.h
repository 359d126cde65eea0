/*
 * The expression graph as the areas above see it: nodes to read, the table of functions.
 *
 * Equal nodes are one node (hash-consing): a table of all live nodes under one lock. Arguments of sums and products stand
 * in the order in which they were given (numbers first), never of their hashes, so that results are reproducible.
 */
#ifndef TAY__EXPR_H
#define TAY__EXPR_H

#include <stdatomic.h>

#include "base/base.h"
#include "tayra/expr.h"

/* Bits of tay_expr.depends: what stands somewhere in the expression. */
enum { TAY__DEPENDS_VARIABLE = 1, TAY__DEPENDS_PARAMETER = 2, TAY__DEPENDS_TIME = 4 };

struct tay_expr {
    _Atomic uint32_t refs;
    uint8_t kind;     /* tay_expr_kind */
    uint8_t function; /* tay_function, for TAY_KIND_FUNCTION */
    uint8_t depends;
    uint32_t n_args;  /* 0 for leaves */
    uint64_t hash;
    uint64_t serial; /* grows with creation */
    uint64_t size;   /* nodes as a tree, saturating; the slope of relu does not count */
    tay_expr *next;  /* list of the nodes being freed */
    union {
        double number;
        uint32_t parameter;
        char *name;
        tay_expr **args; /* inside the node's own allocation */
    } u;
};

/* Releases n references. */
void tay__expr_unref_all(tay_expr *const *e, size_t n);

/* The text of e for a message: at most TAY__SHORT_TEXT - 1 bytes, cut with "..." between characters. */
enum { TAY__SHORT_TEXT = 61 };
tay_status tay__expr_short_text(char out[TAY__SHORT_TEXT], const tay_expr *e);

/*
 * The distinct nodes of the n expressions, arguments before what uses them, otherwise from left to right: *nodes (free with
 * tay__free) has *count borrowed nodes. *index, if not NULL, becomes a map from a node's address to its place in *nodes.
 */
tay_status tay__expr_postorder(const tay_expr ***nodes, size_t *count, tay__map *index, const tay_expr *const *e, size_t n);

/* How the jet of a function follows from its row (design: primitives `integral` and `choice`). */
typedef enum tay__form {
    TAY__INTEGRAL,  /* dy = sum_k g_k da_k, g_k = derivative(k) */
    TAY__PIECEWISE, /* linear on each piece: y_n is a branch of a_n (relu, select) */
    TAY__CONSTANT   /* constant on each piece: y_n = 0 for n > 0 (comparisons, relup, pi) */
} tay__form;

enum { TAY__MOST_DERIVATIVES = 3 };

/* A row of the table: all that tayra knows of a function, but for its vector kernel (kernels/functions.c). */
typedef struct tay__function_row {
    const char *name;
    int arity; /* -1: one or more */
    tay__form form;
    double (*evaluate)(const double *args, size_t n); /* within 1-2 units in the last place */
    /* The partial derivative with respect to each argument, as a formula in the arguments a, b, c and the value y.
     * NULL: zero everywhere. */
    const char *derivative[TAY__MOST_DERIVATIVES];
} tay__function_row;

extern const tay__function_row tay__functions[TAY_N_FUNCTIONS];

/* E + s (1 - cos E) - c sin E = m, between 0 and 2 pi; NaN unless s^2 + c^2 < 1 (kepler.c). */
double tay__kepler(double s, double c, double m);

/* The partial derivative of self = f(args) with respect to its argument k (formula.c). */
tay_status tay__expr_partial(tay_expr **out, const tay_expr *self, uint32_t k);

/* out[j] = de / d wrt_j, new references; wrt are leaves that are no numbers (diff.c). */
tay_status tay__expr_gradient(tay_expr **out, const tay_expr *e, const tay_expr *const *wrt, size_t n_wrt);

/* out[i] = sum_j de_i / d wrt_j tangents_j, new references; wrt are leaves that are no numbers (tangent.c). */
tay_status tay__expr_tangent(tay_expr **out, const tay_expr *const *e, size_t n, const tay_expr *const *wrt,
                             const tay_expr *const *tangents, size_t n_wrt);

/*
 * Mixed derivatives are the same in any order, so one sequence of arguments stands for all its permutations: all
 * nondecreasing sequences of at most `order` of the numbers 0 to n_args - 1, by length, then lexicographically. Those of
 * length m are the items offset[m] to offset[m + 1]; item 0 is empty. The sequence s followed by a >= s.last is
 * the item s.first_child + a - s.last.
 */
typedef struct tay__sequences {
    struct tay__sequence {
        size_t parent, first_child; /* without its last number; with one more */
        uint32_t last;              /* 0 for the empty one */
    } *items;
    size_t *offset; /* [order + 2] */
    uint32_t n_args, order;
} tay__sequences;

tay_status tay__sequences_create(tay__sequences *out, size_t n_args, uint32_t order);
void tay__sequences_free(tay__sequences *s);
static inline size_t tay__sequences_of_length(const tay__sequences *s, uint32_t length)
{
    return s->offset[length + 1] - s->offset[length];
}

/*
 * Tables with an entry for each of n components and each sequence: by length, then component, then sequence. The place of
 * component c's entry for a sequence of this length; the way back; the multi-index of a sequence, [n_args].
 */
size_t tay__sequences_entry(const tay__sequences *s, size_t n, uint32_t length, size_t c, size_t sequence);
void tay__sequences_find(const tay__sequences *s, size_t n, size_t entry, size_t *c, size_t *sequence);
void tay__sequences_indices(const tay__sequences *s, size_t sequence, uint32_t *indices);

/* The values of the n expressions e at a point; NaN for variables and parameters that the point lacks. */
typedef struct tay__point {
    const tay_expr *const *vars;
    const double *values; /* [n_vars] */
    size_t n_vars;
    const double *pars;
    size_t n_pars;
    double time;
} tay__point;
tay_status tay__expr_evaluate(double *out, const tay_expr *const *e, size_t n, const tay__point *point);

#endif
