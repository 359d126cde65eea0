/*
 * Tensors of derivatives of any order: order m + 1 is the gradients of order m, each by one sweep in reverse mode (diff.c)
 * with respect to the arguments from its last one on, so that each mixed derivative is made once. The entries that are
 * zero are kept.
 */
#include "expr/graph.h"

struct tay_tensors {
    tay__sequences sequences;
    size_t n_components;
    tay_expr **entries; /* [count] by order, component, multi-index */
    size_t count;
};

static tay_status check_args(const tay_expr *const *args, size_t n_args)
{
    tay_status status = TAY_OK;
    tay__map seen = {0};
    TAY_TRY(tay__expr_check("tay_tensors_create: args", args, args, n_args));
    if (n_args == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "cannot compute derivatives with respect to an empty set of arguments");
    for (size_t j = 0; j < n_args; j++) {
        if (args[j]->kind != TAY_KIND_VARIABLE && args[j]->kind != TAY_KIND_PARAMETER)
            TAY_FAIL(TAY_ERROR_ARGUMENT,
                     "derivatives can be computed only with respect to variables and parameters, which argument %zu is not",
                     j);
        if (tay__map_get(&seen, (uintptr_t)args[j]))
            TAY_FAIL(TAY_ERROR_ARGUMENT, "the arguments of derivatives must be distinct, but number %zu came before", j);
        TAY_TRY(tay__map_set(&seen, (uintptr_t)args[j], j));
    }
out:
    tay__map_free(&seen);
    return status;
}

/* All derivatives one order above those of the sequences of this length. */
static tay_status add_order(tay_tensors *t, uint32_t length, const tay_expr *const *args)
{
    const tay__sequences *s = &t->sequences;
    for (size_t c = 0; c < t->n_components; c++) {
        for (size_t i = s->offset[length]; i < s->offset[length + 1]; i++) {
            uint32_t last = s->items[i].last;
            size_t from = tay__sequences_entry(s, t->n_components, length, c, i);
            size_t to = tay__sequences_entry(s, t->n_components, length + 1, c, s->items[i].first_child);
            tay_status status = tay__expr_gradient(t->entries + to, t->entries[from], args + last, s->n_args - last);
            if (status != TAY_OK) return status;
        }
    }
    return TAY_OK;
}

tay_status tay_tensors_create(tay_tensors **out, const tay_expr *const *e, size_t n, const tay_expr *const *args,
                              size_t n_args, uint32_t order)
{
    tay_status status = TAY_OK;
    tay_tensors *t = NULL;
    TAY_TRY(tay__expr_check("tay_tensors_create", out, e, n));
    if (n == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "cannot compute the derivatives of a function with zero components");
    TAY_TRY(check_args(args, n_args));
    TAY_TRY(tay__calloc(&t, 1, sizeof *t));
    TAY_TRY(tay__sequences_create(&t->sequences, n_args, order));
    t->n_components = n;
    TAY_TRY(tay__multiply(&t->count, n, t->sequences.offset[order + 1]));
    TAY_TRY(tay__calloc(&t->entries, t->count, sizeof *t->entries));
    for (size_t c = 0; c < n; c++) t->entries[c] = tay_expr_ref(e[c]);
    for (uint32_t length = 0; length < order; length++) TAY_TRY(add_order(t, length, args));
    *out = t;
    t = NULL;
out:
    tay_tensors_free(t);
    return status;
}

void tay_tensors_free(tay_tensors *tensors)
{
    if (!tensors) return;
    if (tensors->entries) tay__expr_unref_all(tensors->entries, tensors->count);
    tay__free(tensors->entries);
    tay__sequences_free(&tensors->sequences);
    tay__free(tensors);
}

size_t tay_tensors_count(const tay_tensors *tensors)
{
    return tensors->count;
}

const tay_expr *tay_tensors_get(const tay_tensors *tensors, size_t k, uint32_t *component, uint32_t *indices)
{
    if (k >= tensors->count) return NULL;
    size_t c, sequence;
    tay__sequences_find(&tensors->sequences, tensors->n_components, k, &c, &sequence);
    if (component) *component = (uint32_t)c;
    if (indices) tay__sequences_indices(&tensors->sequences, sequence, indices);
    return tensors->entries[k];
}
