/*
 * Rolling: a bundle of values becomes a group. The members are cut into rows, runs in which every operand stays (SHARED)
 * or moves to the next slot (CONTIGUOUS); where the rows would be too short, one table of indices serves (GATHER).
 */
#include "program/values.h"

/*
 * Rows shorter than this on average are not worth having, unless there are few of them beside the largest group of this
 * depth: a table would keep the whole stage from running by columns.
 */
enum { SHORTEST_ROWS = 3, FEW = 16 };

typedef struct roller {
    const tay__values *v;
    const int32_t *slot;
    const tay__bundle *bundle;
    tay__primitive primitive;
    uint32_t n_terms;
    bool has_b, square;
    tay__stride a_stride, b_stride;
    bool swap; /* the factors of each product change places */
} roller;

static const tay__value *member(const roller *r, uint32_t m)
{
    return tay__value_at(r->v, r->bundle->members[m]);
}

static int32_t slot_of(const roller *r, int32_t value)
{
    return value < 0 ? 0 : r->slot[value];
}

/* Operand slots of term k of member m. The factors of a product stand in the order of their slots, the later one first. */
static void operands(const roller *r, uint32_t m, uint32_t k, int32_t *a, int32_t *b)
{
    const tay__term *term = &tay__terms_of(r->v, member(r, m))[k];

    *a = slot_of(r, term->a);
    *b = slot_of(r, term->b);
    if (r->primitive == TAY__PRODUCT && (*a < *b) != r->swap) {
        int32_t t = *a;
        *a = *b;
        *b = t;
    }
}

/* Whether member m + 1 goes on the row of member m under the strides of r. */
static bool goes_on(const roller *r, uint32_t m)
{
    int32_t a, b, a_next, b_next;

    if (r->slot[r->bundle->members[m + 1]] != r->slot[r->bundle->members[m]] + 1) return false;
    for (uint32_t k = 0; k < r->n_terms; k++) {
        operands(r, m, k, &a, &b);
        operands(r, m + 1, k, &a_next, &b_next);
        if (a_next - a != (int32_t)r->a_stride) return false;
        if (r->has_b && b_next - b != (int32_t)r->b_stride) return false;
    }
    return true;
}

static uint32_t count_rows(const roller *r, uint32_t most)
{
    uint32_t n = 1;

    for (uint32_t m = 0; m + 1 < r->bundle->n_members && n <= most; m++) n += !goes_on(r, m);
    return n;
}

/* Chooses the strides with the fewest rows; returns their number. */
static uint32_t choose_strides(roller *r)
{
    static const struct {
        tay__stride a, b;
        bool swap;
    } choices[] = {{TAY__CONTIGUOUS, TAY__CONTIGUOUS, false},
                   {TAY__SHARED, TAY__CONTIGUOUS, false},
                   {TAY__SHARED, TAY__CONTIGUOUS, true}};
    uint32_t n = r->bundle->n_members, n_choices = 1, best = 0;
    uint32_t fewest = UINT32_MAX;

    if (r->primitive == TAY__LINEAR) n_choices = 2;
    if (r->primitive == TAY__PRODUCT && !r->square) n_choices = 3;
    for (uint32_t c = 0; c < n_choices; c++) {
        r->a_stride = choices[c].a;
        r->b_stride = choices[c].b;
        r->swap = choices[c].swap;
        uint32_t rows = count_rows(r, fewest < n ? fewest : n);
        if (rows < fewest) {
            fewest = rows;
            best = c;
        }
    }
    r->a_stride = choices[best].a;
    r->b_stride = choices[best].b;
    r->swap = choices[best].swap;
    if (fewest > 1 && r->primitive != TAY__STATE && n / SHORTEST_ROWS < fewest && fewest > r->bundle->largest / FEW) {
        r->a_stride = r->b_stride = TAY__GATHER;
        fewest = 1;
    }
    return fewest;
}

/* Cuts the members into n_rows rows and fills the operands of each row's first member. */
static tay_status make_rows(tay__group *g, tay__program *program, const roller *r, uint32_t n_rows)
{
    tay_status status = TAY_OK;
    uint32_t n = r->bundle->n_members, row = 0;
    tay__row *rows;
    uint32_t *offset;
    int32_t *a, *b = NULL;
    size_t n_operands;

    TAY_TRY(tay__multiply(&n_operands, n_rows, r->n_terms));
    TAY_TRY(tay__alloc_kept(&rows, &program->allocations, n_rows, sizeof *rows));
    TAY_TRY(tay__alloc_kept(&offset, &program->allocations, n_rows, sizeof *offset));
    TAY_TRY(tay__alloc_kept(&a, &program->allocations, n_operands, sizeof *a));
    if (r->has_b) TAY_TRY(tay__alloc_kept(&b, &program->allocations, n_operands, sizeof *b));
    for (uint32_t begin = 0, m = 0; m < n; m++) {
        if (m + 1 < n && goes_on(r, m)) continue;
        rows[row] = (tay__row){.first = r->slot[r->bundle->members[begin]], .length = (int32_t)(m + 1 - begin), .tile = 1};
        offset[row] = begin;
        for (uint32_t k = 0; k < r->n_terms; k++) {
            int32_t first_a, first_b;
            operands(r, begin, k, &first_a, &first_b);
            a[row * (size_t)r->n_terms + k] = first_a;
            if (b) b[row * (size_t)r->n_terms + k] = first_b;
        }
        row++;
        begin = m + 1;
    }
    g->rows = rows;
    g->offset = offset;
    g->a = a;
    g->b = b;
out:
    return status;
}

/* Slots from the first member's to the last one's: there may be some between members, which a table fills with copies. */
static uint32_t span_of(const roller *r)
{
    const int32_t *members = r->bundle->members;
    return (uint32_t)(r->slot[members[r->bundle->n_members - 1]] - r->slot[members[0]] + 1);
}

/* The last member up to slot `at` from the first member's on, if that is not before m. */
static uint32_t member_at(const roller *r, uint32_t m, uint32_t at)
{
    const int32_t *members = r->bundle->members;
    while (m + 1 < r->bundle->n_members && (uint32_t)(r->slot[members[m + 1]] - r->slot[members[0]]) <= at) m++;
    return m;
}

/* One row with a table of the operands of all members. */
static tay_status make_table(tay__group *g, tay__program *program, const roller *r)
{
    tay_status status = TAY_OK;
    uint32_t n = span_of(r), pitch = (n + TAY__PITCH - 1) / TAY__PITCH * TAY__PITCH;
    tay__row *row;
    uint32_t *offset;
    int32_t *a, *b = NULL;
    size_t n_operands;

    TAY_TRY(tay__multiply(&n_operands, pitch, r->n_terms));
    TAY_TRY(tay__alloc_kept(&row, &program->allocations, 1, sizeof *row));
    TAY_TRY(tay__alloc_kept(&offset, &program->allocations, 1, sizeof *offset));
    TAY_TRY(tay__alloc_kept(&a, &program->allocations, n_operands, sizeof *a));
    if (r->has_b) TAY_TRY(tay__alloc_kept(&b, &program->allocations, n_operands, sizeof *b));
    *row = (tay__row){.first = r->slot[r->bundle->members[0]], .length = (int32_t)n, .tile = 1};
    *offset = 0;
    for (uint32_t k = 0; k < r->n_terms; k++) {
        for (uint32_t at = 0, m = 0; at < pitch; at++) {
            int32_t slot_a, slot_b;
            m = member_at(r, m, at);
            operands(r, m, k, &slot_a, &slot_b);
            a[k * (size_t)pitch + at] = slot_a;
            if (b) b[k * (size_t)pitch + at] = slot_b;
        }
    }
    g->rows = row;
    g->offset = offset;
    g->a = a;
    g->b = b;
    g->pitch = (int32_t)pitch;
    g->n_members = n;
out:
    return status;
}

static uint32_t coefficient_index(const tay__values *v, uint32_t ref)
{
    return ref & TAY__PROLOGUE ? (uint32_t)v->numbers.count + (ref & ~TAY__PROLOGUE) : ref;
}

/* Whether the coefficients differ between the members of a row. */
static bool coefs_vary(const tay__group *g, const roller *r)
{
    for (uint32_t row = 0; row < g->n_rows; row++) {
        const tay__term *first = tay__terms_of(r->v, member(r, g->offset[row]));
        for (uint32_t m = 1; m < (g->pitch > 0 ? r->bundle->n_members : (uint32_t)g->rows[row].length); m++) {
            const tay__term *terms = tay__terms_of(r->v, member(r, g->offset[row] + m));
            for (uint32_t k = 0; k < r->n_terms; k++)
                if (terms[k].coef != first[k].coef) return true;
        }
    }
    return false;
}

static tay_status pack(tay__array *packed, const tay__values *v, uint32_t ref)
{
    uint32_t index = coefficient_index(v, ref);
    return tay__array_push(packed, &index);
}

static tay_status pack_coefs(tay__group *g, const roller *r, tay__array *packed)
{
    tay_status status = TAY_OK;

    g->coefs = packed->count;
    g->varying_coefs = coefs_vary(g, r);
    for (uint32_t row = 0; row < g->n_rows; row++) {
        uint32_t length = (uint32_t)g->rows[row].length;
        uint32_t width = !g->varying_coefs ? 1 : g->a_stride == TAY__GATHER ? (uint32_t)g->pitch : length;
        TAY_TRY(tay__array_reserve(packed, (size_t)width * r->n_terms));
        for (uint32_t k = 0; k < r->n_terms; k++) {
            for (uint32_t at = 0, m = g->offset[row]; at < width; at++) {
                m = g->pitch > 0 ? member_at(r, m, at) : g->offset[row] + at;
                TAY_TRY(pack(packed, r->v, tay__terms_of(r->v, member(r, m))[k].coef));
            }
        }
    }
out:
    return status;
}

static tay_status pack_constants(tay__group *g, const roller *r, tay__array *packed)
{
    tay_status status = TAY_OK;

    g->constants = packed->count;
    for (uint32_t at = 0, m = 0; at < g->n_members; at++) {
        m = g->pitch > 0 ? member_at(r, m, at) : at;
        TAY_TRY(pack(packed, r->v, member(r, m)->constant));
    }
out:
    return status;
}

static roller begin_roll(const tay__values *v, const tay__bundle *bundle, const int32_t *slot)
{
    const tay__value *first = tay__value_at(v, bundle->first);
    roller r = {.v = v, .slot = slot, .bundle = bundle, .primitive = first->primitive, .n_terms = first->n_terms};

    r.square = tay__is_square(v, first);
    r.has_b = r.primitive == TAY__PRODUCT || r.primitive == TAY__QUOTIENT || (r.primitive == TAY__INTEGRATE && v->derivatives);
    return r;
}

uint32_t tay__count_rows(bool *table, const tay__values *v, const tay__bundle *bundle, const int32_t *slot)
{
    roller r = begin_roll(v, bundle, slot);
    uint32_t n_rows = choose_strides(&r);
    *table = r.a_stride == TAY__GATHER;
    return *table ? bundle->n_members : n_rows;
}

void tay__mark_rows(bool *marks, const tay__values *v, const tay__bundle *bundle, const int32_t *slot)
{
    roller r = begin_roll(v, bundle, slot);

    choose_strides(&r);
    for (uint32_t m = 0; m + 1 < bundle->n_members; m++) marks[bundle->members[m + 1]] = !goes_on(&r, m);
}

tay_status tay__roll(tay__group *g, tay__program *program, const tay__bundle *bundle, const tay__values *v,
                     const int32_t *slot, tay__array *packed)
{
    tay_status status = TAY_OK;
    const tay__value *first = tay__value_at(v, bundle->first);
    roller r = begin_roll(v, bundle, slot);
    uint32_t n_rows = choose_strides(&r);
    *g = (tay__group){.primitive = r.primitive,
                      .function = first->function,
                      .n_terms = r.n_terms,
                      .n_rows = n_rows,
                      .n_members = bundle->n_members,
                      .a_stride = r.a_stride,
                      .b_stride = r.b_stride,
                      .square = r.square,
                      .has_coefs = tay__has_coefs(v, first),
                      .has_constant = first->constant != TAY__NONE,
                      .exponent = first->exponent};
    if (r.a_stride == TAY__GATHER)
        TAY_TRY(make_table(g, program, &r));
    else
        TAY_TRY(make_rows(g, program, &r, n_rows));
    if (g->has_coefs) TAY_TRY(pack_coefs(g, &r, packed));
    if (g->has_constant) TAY_TRY(pack_constants(g, &r, packed));
out:
    return status;
}
