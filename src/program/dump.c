/*
 * Programs for people: stages, groups, rows and the slots of the operands, as text.
 */
#include <stdarg.h>
#include <stdio.h>

#include "program/program.h"

static const char *const primitive_names[] = {"input", "linear", "product", "quotient", "power", "integral", "choice", "state"};
static const char *const stride_names[] = {"shared", "contiguous", "gather"};

/* Appends formatted text to `text` (of char, without a terminating 0). */
__attribute__((format(printf, 2, 3))) static tay_status append(tay__array *text, const char *format, ...)
{
    tay_status status = TAY_OK;
    char line[256];
    va_list list;

    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    for (int i = 0; i < n && i < (int)sizeof line - 1; i++) TAY_TRY(tay__array_push(text, &line[i]));
out:
    return status;
}

/* The operands of row r (or of member r of a table). */
static tay_status dump_operands(tay__array *text, const tay__group *g, uint32_t r)
{
    tay_status status = TAY_OK;
    uint32_t shown = g->n_terms < 8 ? g->n_terms : 8;

    for (uint32_t k = 0; k < shown; k++) {
        size_t i = g->a_stride == TAY__GATHER ? k * (size_t)g->pitch + r : r * (size_t)g->n_terms + k;
        if (g->b)
            TAY_TRY(append(text, " (%d, %d)", g->a[i], g->b[i]));
        else
            TAY_TRY(append(text, " %d", g->a[i]));
    }
    TAY_TRY(append(text, shown < g->n_terms ? " ...\n" : "\n"));
out:
    return status;
}

static tay_status dump_group(tay__array *text, const tay__group *g)
{
    tay_status status = TAY_OK;
    bool table = g->a_stride == TAY__GATHER;
    uint32_t n = table ? g->n_members : g->n_rows;

    TAY_TRY(append(text, "  %s", primitive_names[g->primitive]));
    if (g->primitive == TAY__INTEGRATE || g->primitive == TAY__CHOICE)
        TAY_TRY(append(text, " %s", tay__functions[g->function].name));
    if (g->primitive == TAY__POWER) TAY_TRY(append(text, " %.17g", g->exponent));
    TAY_TRY(append(text, ": %u members, %u rows, %u terms, a %s", g->n_members, g->n_rows, g->n_terms,
                   stride_names[g->a_stride]));
    if (g->b) TAY_TRY(append(text, ", b %s", stride_names[g->b_stride]));
    if (g->square) TAY_TRY(append(text, ", square"));
    if (g->has_coefs) TAY_TRY(append(text, ", coefficients by %s", g->varying_coefs ? "member" : "row"));
    if (g->has_constant) TAY_TRY(append(text, ", constant"));
    if (g->transient) TAY_TRY(append(text, ", transient"));
    TAY_TRY(append(text, "\n"));
    for (uint32_t r = 0; r < n && r < 8; r++) {
        const tay__row *row = &g->rows[table ? 0 : r];
        if (table)
            TAY_TRY(append(text, "    %d <-", row->first + (int32_t)r));
        else
            TAY_TRY(append(text, "    %d + %d (column %d, tile %d) <-", row->first, row->length, row->column, row->tile));
        TAY_TRY(dump_operands(text, g, r));
    }
    if (n > 8) TAY_TRY(append(text, "    ... %u more\n", n - 8));
out:
    return status;
}

tay_status tay__program_dump(char **out, const tay__program *program)
{
    tay_status status = TAY_OK;
    tay__array text = TAY__ARRAY(char);

    TAY_TRY(tay__check_pointer(out, "out"));
    TAY_TRY(append(&text, "%u inputs, %u parameters, %u outputs, %u slots, %zu coefficients\n", program->n_inputs,
                   program->n_pars, program->n_outputs, program->n_slots, program->n_packed));
    for (uint32_t i = 0; i < program->n_stages; i++) {
        const tay__stage *stage = &program->stages[i];
        TAY_TRY(append(&text, "stage %u%s", i, stage->recurrent ? ", recurrent" : ""));
        TAY_TRY(append(&text, stage->n_columns > 0 ? ", %d columns\n" : "\n", stage->n_columns));
        for (uint32_t k = 0; k < stage->n_groups; k++) TAY_TRY(dump_group(&text, &stage->groups[k]));
    }
    TAY_TRY(tay__array_push(&text, ""));
    *out = text.data;
    text = TAY__ARRAY(char);
out:
    tay__array_free(&text);
    return status;
}
