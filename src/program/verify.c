/*
 * What must hold of every program: each slot is written once; operands are written before they are read at the same order
 * (with the delays of state and integral); coefficients exist; columns and tiles are what they say.
 */
#include "program/values.h"

typedef struct checker {
    const tay__program *p;
    uint8_t *written; /* [n_slots] */
    const char *broken;
    uint32_t stage, group;
} checker;

static bool expect(checker *c, bool holds, const char *what)
{
    if (!holds && !c->broken) c->broken = what;
    return holds;
}

static bool in_slots(const checker *c, int64_t first, int64_t length)
{
    return first >= 0 && length >= 1 && first + length <= (int64_t)c->p->n_slots - TAY__OVERRUN;
}

/* Operand table `listed` of group g: inside the slots and, unless delayed, written. */
static void check_operands(checker *c, const tay__group *g, const int32_t *listed, tay__stride stride, bool delayed)
{
    bool table = stride == TAY__GATHER;
    size_t n = (size_t)g->n_terms * (table ? (size_t)g->pitch : g->n_rows);

    for (size_t i = 0; listed && i < n; i++) {
        int32_t length = stride == TAY__CONTIGUOUS ? g->rows[i / g->n_terms].length : 1;
        if (!expect(c, in_slots(c, listed[i], length), "an operand is outside the slots")) return;
        for (int32_t m = 0; m < length && !delayed; m++)
            if (!expect(c, c->written[listed[i] + m], "an operand is read before it is written")) return;
    }
}

static void check_coefficients(checker *c, const tay__group *g)
{
    size_t width = g->a_stride == TAY__GATHER ? (size_t)g->pitch : g->n_members;
    size_t n = (size_t)g->n_terms * (g->varying_coefs ? width : g->n_rows);

    if (g->has_coefs) expect(c, g->coefs + n <= c->p->n_packed, "coefficients outside the packed ones");
    if (g->has_constant) expect(c, g->constants + g->n_members <= c->p->n_packed, "constants outside the packed ones");
}

static void check_rows(checker *c, const tay__group *g, const tay__stage *stage)
{
    uint32_t members = 0;

    expect(c, g->n_rows >= 1 && (g->a_stride != TAY__GATHER || g->n_rows == 1), "a table has one row");
    expect(c, g->a_stride != TAY__GATHER || (g->pitch % TAY__PITCH == 0 && g->pitch >= (int32_t)g->n_members), "pitch");
    for (uint32_t r = 0; r < g->n_rows; r++) {
        const tay__row *row = &g->rows[r];
        if (!expect(c, in_slots(c, row->first, row->length), "a row is outside the slots")) return;
        expect(c, g->offset[r] == members, "offsets count the members before");
        members += (uint32_t)row->length;
        expect(c, row->tile >= 1 && r + (uint32_t)row->tile <= g->n_rows, "a tile runs over the group");
        if (stage->n_columns > 0)
            expect(c, row->column >= 0 && row->column + row->length <= stage->n_columns, "a row is outside the columns");
        for (int32_t m = 0; m < row->length; m++) {
            uint8_t *w = &c->written[row->first + m];
            expect(c, g->primitive == TAY__STATE ? *w == 2 : *w == 0, "a slot is written twice");
            *w = 1;
        }
    }
    expect(c, members == g->n_members, "rows do not hold the members");
}

static void check_stages(checker *c)
{
    for (uint32_t i = 0; i < c->p->n_stages; i++) {
        const tay__stage *stage = &c->p->stages[i];
        for (uint32_t k = 0; k < stage->n_groups && !c->broken; k++) {
            const tay__group *g = &stage->groups[k];
            c->stage = i;
            c->group = k;
            if (!g->square || g->primitive != TAY__PRODUCT) {
                check_operands(c, g, g->a, g->a_stride, tay__delays_a((uint8_t)g->primitive));
                check_operands(c, g, g->b, g->b_stride, tay__delays_b((uint8_t)g->primitive));
            }
            check_coefficients(c, g);
            check_rows(c, g, stage);
        }
    }
}

/* Delayed operands must be written in the end, by their own stage or an earlier one. */
static void check_delayed(checker *c)
{
    for (uint32_t i = 0; i < c->p->n_stages && !c->broken; i++) {
        for (uint32_t k = 0; k < c->p->stages[i].n_groups; k++) {
            const tay__group *g = &c->p->stages[i].groups[k];
            check_operands(c, g, g->a, g->a_stride, false);
            check_operands(c, g, g->b, g->b_stride, false);
        }
    }
}

tay_status tay__program_verify(const tay__program *program)
{
    tay_status status = TAY_OK;
    checker c = {.p = program};

    TAY_TRY(tay__calloc(&c.written, program->n_slots, 1));
    for (uint32_t i = 0; i < program->n_inputs; i++) c.written[i] = program->outputs ? 1 : 2; /* 2: a state's start */
    if (program->time_slot >= 0) c.written[program->time_slot] = 1;
    for (uint32_t i = 0; program->par_slot >= 0 && i < program->n_pars; i++) c.written[(uint32_t)program->par_slot + i] = 1;
    for (size_t i = 0; i < program->n_packed; i++)
        expect(&c, program->packed_from[i] < program->n_numbers + (program->prologue ? program->prologue->n_outputs : 0),
               "a coefficient does not exist");
    check_stages(&c);
    check_delayed(&c);
    if (c.broken) TAY_FAIL(TAY_ERROR_STATE, "stage %u, group %u: %s", c.stage, c.group, c.broken);
out:
    tay__free(c.written);
    return status;
}
