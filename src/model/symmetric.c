/*
 * Symmetric elimination M = P L D L' P' of expressions, of which nobody knows more than whether they are the number 0.
 *
 * Pivots are the entries of the diagonal, those first that have the fewest others in their rows, so that few zeros fill up
 * (Markowitz). For a positive definite M any order of them is stable. Where an entry of the diagonal is 0, its row goes with one
 * that it meets in another entry d, as a block [Bunch1977], before it can fill up with what might cancel:
 *
 *     0 d    whose inverse is    -c/d^2  1/d
 *     d c                         1/d    0
 */
#include "model/symmetric.h"

typedef struct step {
    size_t row, mate;        /* of the block; equal if it is one entry */
    const tay_expr *divisor; /* M[row][mate] */
    const tay_expr *corner;  /* c, if not 0, in the first row of a block, else NULL; the step of the second row is the next one */
} step;

typedef struct equations {
    tay__workshop *w;
    size_t n;
    const tay_expr **matrix, **rhs; /* what elimination has left of them */
    const tay_expr **lower;         /* [n][n] lower[k][i] times the row of step k is taken from row i; NULL: nothing is */
    step *steps;                    /* [n] */
    bool *done;                     /* [n] the row is eliminated */
} equations;

static bool is_zero(const tay_expr *e)
{
    return e && e->kind == TAY_KIND_NUMBER && e->u.number == 0.0;
}

static const tay_expr **entry(const equations *s, size_t i, size_t j)
{
    return &s->matrix[i > j ? i * s->n + j : j * s->n + i];
}

/* The number of entries in row i. */
static size_t count_entries(const equations *s, size_t i)
{
    size_t count = 0;
    for (size_t j = 0; j < s->n; j++) count += !s->done[j] && !is_zero(*entry(s, i, j));
    return count;
}

/* The row with the fewest entries, of those that meet row i in one; for i = n, of those with one on the diagonal. n: none. */
static size_t find_row(const equations *s, size_t i)
{
    size_t best = s->n, fewest = SIZE_MAX;
    for (size_t j = 0; j < s->n && fewest > 1; j++) {
        if (s->done[j] || is_zero(*entry(s, j, i < s->n ? i : j))) continue;
        size_t count = count_entries(s, j);
        if (count >= fewest) continue;
        fewest = count;
        best = j;
    }
    return best;
}

/* Puts the next block into steps[k], and what follows for a block of two. */
static size_t find_block(equations *s, size_t k)
{
    size_t row = 0, mate;
    while (row < s->n && (s->done[row] || !is_zero(*entry(s, row, row)))) row++;
    mate = find_row(s, row);
    if (row == s->n) row = mate;
    s->steps[k] = (step){.row = row, .mate = mate};
    if (mate == s->n) return 0;
    s->steps[k].divisor = *entry(s, row, mate);
    if (row == mate) return 1;
    if (!is_zero(*entry(s, mate, mate))) s->steps[k].corner = *entry(s, mate, mate);
    s->steps[k + 1] = (step){.row = mate, .mate = row, .divisor = s->steps[k].divisor};
    return 2;
}

/* e - factor * f */
static const tay_expr *take(const equations *s, const tay_expr *e, const tay_expr *factor, const tay_expr *f)
{
    return tay__sub(s->w, e, tay__mul(s->w, factor, f));
}

/* The unknown of the step in its mate's equation, divisor x + corner x_mate = e; x_mate may be NULL: 0. */
static const tay_expr *divide(const equations *s, const step *at, const tay_expr *e, const tay_expr *x_mate)
{
    if (at->corner && x_mate) e = take(s, e, at->corner, x_mate);
    return tay__div(s->w, e, at->divisor);
}

static void make_lower(equations *s, size_t k)
{
    const step *at = &s->steps[k];
    for (size_t i = 0; i < s->n; i++) {
        const tay_expr *e = *entry(s, i, at->mate), *of_mate = at->corner ? s->lower[(k + 1) * s->n + i] : NULL;
        if (!s->done[i] && !(is_zero(e) && !of_mate)) s->lower[k * s->n + i] = divide(s, at, e, of_mate);
    }
}

/* Takes the row of step k from the rows that are left. */
static void eliminate(equations *s, size_t k)
{
    size_t row = s->steps[k].row;
    const tay_expr *const *lower = s->lower + k * s->n;
    for (size_t i = 0; i < s->n; i++) {
        if (!lower[i]) continue;
        for (size_t j = 0; j <= i; j++) {
            const tay_expr *e = *entry(s, j, row);
            if (!s->done[j] && !is_zero(e)) *entry(s, i, j) = take(s, *entry(s, i, j), lower[i], e);
        }
        s->rhs[i] = take(s, s->rhs[i], lower[i], s->rhs[row]);
    }
}

static tay_status factorise(equations *s, size_t *singular)
{
    for (size_t k = 0, end; k < s->n && s->w->status == TAY_OK; k = end) {
        end = k + find_block(s, k);
        if (end == k) {
            *singular = s->steps[k].row;
            return TAY_OK;
        }
        s->done[s->steps[k].row] = s->done[s->steps[k].mate] = true;
        for (size_t b = end; b-- > k;) make_lower(s, b);
        for (size_t b = k; b < end; b++) eliminate(s, b);
    }
    return s->w->status;
}

/* x = D^-1 rhs - L' x, from the last row to the first. */
static void substitute(const equations *s, const tay_expr **x)
{
    for (size_t k = s->n; k-- > 0;) {
        const step *at = &s->steps[k];
        x[at->row] = divide(s, at, s->rhs[at->mate], at->corner ? x[at->mate] : NULL);
    }
    for (size_t k = s->n; k-- > 0;) {
        const tay_expr *const *lower = s->lower + k * s->n, **x_row = &x[s->steps[k].row];
        for (size_t i = 0; i < s->n; i++)
            if (lower[i]) *x_row = take(s, *x_row, lower[i], x[i]);
    }
}

tay_status tay__solve_symmetric(tay__workshop *w, size_t *singular, const tay_expr **matrix, const tay_expr **rhs, size_t n)
{
    tay_status status = TAY_OK;
    tay__array kept = TAY__ARRAY(void *);
    equations s = {.w = w, .n = n, .matrix = matrix, .rhs = rhs};
    const tay_expr **x;
    size_t size;
    *singular = n;
    TAY_TRY(tay__multiply(&size, n, n));
    TAY_TRY(tay__alloc_kept(&s.lower, &kept, size, sizeof *s.lower));
    TAY_TRY(tay__alloc_kept(&s.steps, &kept, n, sizeof *s.steps));
    TAY_TRY(tay__alloc_kept(&s.done, &kept, n, sizeof *s.done));
    TAY_TRY(tay__alloc_kept(&x, &kept, n, sizeof *x));
    TAY_TRY(factorise(&s, singular));
    if (*singular < n) goto out;
    substitute(&s, x);
    memcpy(rhs, x, n * sizeof *rhs);
    status = w->status;
out:
    tay__free_kept(&kept);
    return status;
}
