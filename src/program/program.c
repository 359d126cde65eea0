/*
 * Programs: lower, rank, bundle, roll, stages; the prologue; memory.
 */
#include "program/values.h"

void tay__program_free(tay__program *program)
{
    if (!program) return;
    tay__free_kept(&program->allocations);
    tay__program_free(program->prologue);
    tay__free(program);
}

static tay_status check_memory(const tay__values *v, size_t limit)
{
    /* ranks, slots, owners, bundles and the rolled form: a generous bound on what follows */
    size_t bytes = v->values.count * (sizeof(tay__value) + sizeof(tay__rank) + 64) + v->terms.count * 48;

    if (limit > 0 && bytes > limit)
        return tay__error(TAY_ERROR_LIMIT, "the program needs about %zu bytes, over the limit of %zu", bytes, limit);
    return TAY_OK;
}

/* Rolls all bundles and makes the stages. */
static tay_status roll_all(tay__program *program, const tay__values *v, const tay__bundles *bundles)
{
    tay_status status = TAY_OK;
    tay__group *groups = NULL;
    tay__array packed = TAY__ARRAY(uint32_t);

    TAY_TRY(tay__alloc(&groups, bundles->n, sizeof *groups));
    for (uint32_t k = 0; k < bundles->n; k++)
        TAY_TRY(tay__roll(&groups[k], program, &bundles->bundles[k], v, bundles->slot, &packed));
    TAY_TRY(tay__make_stages(program, groups, bundles));
    TAY_TRY(tay__alloc_kept(&program->packed_from, &program->allocations, packed.count, sizeof *program->packed_from));
    if (packed.count > 0) memcpy(program->packed_from, packed.data, packed.count * sizeof *program->packed_from);
    program->n_packed = packed.count;
out:
    tay__free(groups);
    tay__array_free(&packed);
    return status;
}

/* Ranks the values, after hoisting. */
static tay_status rank(tay__rank **out, tay__values *v)
{
    tay_status status = TAY_OK;
    tay__rank *ranks = NULL;

    TAY_TRY(tay__alloc(&ranks, v->values.count, sizeof *ranks));
    TAY_TRY(tay__rank_values(ranks, v));
    if (v->jets) {
        size_t before = v->values.count;
        TAY_TRY(tay__hoist(v, ranks));
        if (v->values.count > before) {
            TAY_TRY(tay__realloc(&ranks, v->values.count, sizeof *ranks));
            TAY_TRY(tay__rank_values(ranks, v));
        }
    }
    *out = ranks;
    ranks = NULL;
out:
    tay__free(ranks);
    return status;
}

static tay_status arrange(tay__program *program, tay__values *v)
{
    tay_status status = TAY_OK;
    tay__rank *ranks = NULL;
    tay__bundles bundles = {0};

    TAY_TRY(rank(&ranks, v));
    TAY_TRY(tay__bundle_values(&bundles, v, ranks));
    if (v->jets) TAY_TRY(tay__sort_members(&bundles, v));
    program->n_slots = bundles.n_slots;
    program->time_slot = v->time < 0 ? -1 : bundles.slot[v->time];
    if (!tay__has_states(v)) {
        TAY_TRY(tay__alloc_kept(&program->outputs, &program->allocations, v->n_outputs, sizeof *program->outputs));
        for (uint32_t i = 0; i < v->n_outputs; i++) program->outputs[i] = (uint32_t)bundles.slot[v->outputs[i]];
    }
    TAY_TRY(roll_all(program, v, &bundles));
out:
    tay__free(ranks);
    tay__bundles_free(&bundles);
    return status;
}

/* The numbers, and the program of the coefficients that depend on parameters. */
static tay_status make_coefficients(tay__program *program, const tay__values *v, bool reversible)
{
    tay_status status = TAY_OK;

    program->n_numbers = v->numbers.count;
    TAY_TRY(tay__alloc_kept(&program->numbers, &program->allocations, v->numbers.count, sizeof *program->numbers));
    memcpy(program->numbers, v->numbers.data, v->numbers.count * sizeof *program->numbers);
    if (v->prologue.count > 0)
        TAY_TRY(tay__program_create(&program->prologue, &(tay__program_spec){.outputs = v->prologue.data,
                                                                             .n_outputs = v->prologue.count,
                                                                             .reversible = reversible}));
out:
    return status;
}

/* Whether packed coefficient i continues a span, whose step is not known if it has one member. */
static bool joins(tay__span *span, uint32_t i, int32_t slot)
{
    if (span->n == 0 || span->first + span->n != i) return false;
    if (span->n == 1) span->step = slot - span->slot;
    return slot == span->slot + (int32_t)span->n * span->step;
}

/* Weights of a layer are a span for each of its inputs: they come every so many parameters. */
static tay_status find_spans(tay__program *program)
{
    tay_status status = TAY_OK;
    tay__array spans = TAY__ARRAY(tay__span);
    tay__span span = {0};

    for (size_t i = 0; i < program->n_packed; i++) {
        if (program->packed_from[i] < program->n_numbers) continue;
        int32_t slot = (int32_t)program->prologue->outputs[program->packed_from[i] - program->n_numbers];
        if (!joins(&span, (uint32_t)i, slot)) {
            if (span.n > 0) TAY_TRY(tay__array_push(&spans, &span));
            span = (tay__span){.first = (uint32_t)i, .slot = slot};
        }
        span.n++;
    }
    if (span.n > 0) TAY_TRY(tay__array_push(&spans, &span));
    TAY_TRY(tay__alloc_kept(&program->spans, &program->allocations, spans.count, sizeof span));
    if (spans.count > 0) memcpy(program->spans, spans.data, spans.count * sizeof span);
    program->n_spans = spans.count;
out:
    tay__array_free(&spans);
    return status;
}

tay_status tay__program_create(tay__program **out, const tay__program_spec *spec)
{
    tay_status status = TAY_OK;
    tay__program *program = NULL;
    tay__values v = {0};

    if (spec->n_inputs > INT32_MAX / 4 || spec->n_outputs > INT32_MAX / 4)
        TAY_FAIL(TAY_ERROR_LIMIT, "too many variables or expressions: %zu and %zu, at most %d", spec->n_inputs,
                 spec->n_outputs, INT32_MAX / 4);
    TAY_TRY(tay__calloc(&program, 1, sizeof *program));
    program->allocations = TAY__ARRAY(void *);
    TAY_TRY(tay__lower(&v, spec));
    TAY_TRY(check_memory(&v, spec->memory_limit));
    program->n_inputs = v.n_inputs;
    program->n_pars = v.n_pars;
    program->n_outputs = v.n_outputs;
    program->jets = v.jets;
    program->reversible = spec->reversible;
    program->par_slot = !v.jets && v.n_pars > 0 ? (int32_t)v.n_inputs : -1;
    TAY_TRY(arrange(program, &v));
    TAY_TRY(make_coefficients(program, &v, spec->reversible));
    TAY_TRY(find_spans(program));
    *out = program;
    program = NULL;
out:
    tay__values_free(&v);
    tay__program_free(program);
    return status;
}
