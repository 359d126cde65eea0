/*
 * The variational system of an ODE: making it, and what it has (tayra/variational.h). The equations are in equations.c,
 * the initial values in initial.c.
 */
#include "variational/system.h"

/* Room for all entries; the original equations are the first. */
static tay_status allocate(tay_variational *v, const tay_expr *const *rhs)
{
    tay_status status = TAY_OK;
    size_t n_sequences = v->sequences.offset[v->sequences.order + 1];
    TAY_TRY(tay__multiply(&v->n_total, v->n, n_sequences));
    if (v->n_total > SIZE_MAX / 2) TAY_FAIL(TAY_ERROR_LIMIT, "%zu derivatives are too many", v->n_total);
    TAY_TRY(tay__realloc(&v->vars, v->n_total, sizeof *v->vars));
    memset(v->vars + v->n, 0, (v->n_total - v->n) * sizeof *v->vars);
    TAY_TRY(tay__calloc(&v->rhs, v->n_total, sizeof *v->rhs));
    TAY_TRY(tay__calloc(&v->initial, v->n_total, sizeof *v->initial));
    for (size_t i = 0; i < v->n; i++) v->rhs[i] = tay_expr_ref(rhs[i]);
out:
    if (status != TAY_OK) v->n_total = v->n; /* the variables that are to be released */
    return status;
}

static tay_status start(tay_variational *v, const tay_expr *const *vars, size_t n)
{
    tay_status status = TAY_OK;
    TAY_TRY(tay__calloc(&v->vars, n, sizeof *v->vars));
    v->n = v->n_total = n;
    for (size_t i = 0; i < n; i++) v->vars[i] = tay_expr_ref(vars[i]);
    for (size_t i = 0; i < n; i++) TAY_TRY(tay__map_set(&v->place, (uintptr_t)vars[i], i));
out:
    return status;
}

static tay_status check_pointers(tay_variational **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                                 const tay_variational_options *options)
{
    const char *missing = !out ? "out" : !vars ? "vars" : !rhs ? "rhs" : !options ? "options" : NULL;
    if (missing) return tay__error(TAY_ERROR_ARGUMENT, "tay_variational_create: `%s` is NULL", missing);
    for (size_t i = 0; i < n; i++) {
        if (!vars[i] || !rhs[i])
            return tay__error(TAY_ERROR_ARGUMENT, "tay_variational_create: %s[%zu] is NULL", vars[i] ? "rhs" : "vars", i);
    }
    if (options->size != sizeof *options)
        return tay__error(TAY_ERROR_ARGUMENT, "tay_variational_create: options->size is %lu, %zu was expected",
                          (unsigned long)options->size, sizeof *options);
    return TAY_OK;
}

tay_status tay_variational_create(tay_variational **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                                  const tay_variational_options *options)
{
    tay_status status = TAY_OK;
    tay_variational *v = NULL;
    TAY_TRY(check_pointers(out, vars, rhs, n, options));
    TAY_TRY(tay__variational_check(vars, rhs, n));
    TAY_TRY(tay__calloc(&v, 1, sizeof *v));
    TAY_TRY(start(v, vars, n));
    TAY_TRY(tay__variational_args(v, rhs, options));
    TAY_TRY(tay__sequences_create(&v->sequences, v->n_args, options->order ? options->order : 1));
    TAY_TRY(allocate(v, rhs));
    TAY_TRY(tay__variational_equations(v));
    TAY_TRY(tay__variational_initial(v));
    *out = v;
    v = NULL;
out:
    tay_variational_free(v);
    return status;
}

static void release(tay_expr **e, size_t n)
{
    for (size_t i = 0; i < n && e; i++) tay_expr_unref(e[i]);
    tay__free(e);
}

void tay_variational_free(tay_variational *v)
{
    if (!v) return;
    release(v->rhs, v->n_total);
    release(v->initial, v->n_total);
    release(v->vars, v->n_total);
    release(v->args, v->n_args);
    tay__sequences_free(&v->sequences);
    tay__map_free(&v->place);
    tay__free(v);
}

size_t tay_variational_n_original(const tay_variational *v)
{
    return v->n;
}

size_t tay_variational_n_total(const tay_variational *v)
{
    return v->n_total;
}

uint32_t tay_variational_order(const tay_variational *v)
{
    return v->sequences.order;
}

const tay_expr *const *tay_variational_vars(const tay_variational *v)
{
    return (const tay_expr *const *)v->vars;
}

const tay_expr *const *tay_variational_rhs(const tay_variational *v)
{
    return (const tay_expr *const *)v->rhs;
}

const tay_expr *const *tay_variational_initial(const tay_variational *v)
{
    return (const tay_expr *const *)v->initial;
}

size_t tay_variational_n_args(const tay_variational *v)
{
    return v->n_args;
}

const tay_expr *const *tay_variational_args(const tay_variational *v)
{
    return (const tay_expr *const *)v->args;
}

bool tay_variational_multi_index(const tay_variational *v, size_t i, uint32_t *component, uint32_t *indices)
{
    if (i >= v->n_total) return false;
    size_t c, sequence;
    tay__sequences_find(&v->sequences, v->n, i, &c, &sequence);
    if (component) *component = (uint32_t)c;
    if (indices) tay__sequences_indices(&v->sequences, sequence, indices);
    return true;
}

bool tay_variational_slice(const tay_variational *v, uint32_t order, size_t component, size_t *begin, size_t *end)
{
    const tay__sequences *s = &v->sequences;
    if (order > s->order || component >= v->n) return false;
    *begin = tay__sequences_entry(s, v->n, order, component, s->offset[order]);
    *end = *begin + tay__sequences_of_length(s, order);
    return true;
}
