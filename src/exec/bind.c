/*
 * Binding: the kernels of the groups, private slots for gathered operands, and the cutting of stages into parts.
 *
 * - Products, functions and powers read their operands at all lower orders. Where these have no pattern (GATHER) and there
 *   is one lane, each new coefficient is copied to consecutive slots of the exec's own, once, and the group then
 *   reads those. With several lanes nothing is gathered: lanes are consecutive.
 * - A recurrent stage with columns is cut into blocks of columns whose coefficients stay in the first two levels of the cache.
 * - A stage that is not recurrent runs group by group, in chunks that fit into the second-level cache.
 */
#include "exec/bound.h"

/* Bytes of the coefficients of a part: a block of columns, a chunk of a group. */
enum { PART_BYTES = 128 * 1024 };
/* Members of a block of columns are a multiple of this, which whole tiles of all vector lengths fill. */
enum { COLUMN_UNIT = 16 };

static tay_status add_operation(tay__exec *exec, const tay__group *group, uint32_t delay, bool to_state)
{
    tay_status status = TAY_OK;
    tay__operation operation = {.group = group, .delay = delay, .first = delay};

    /* Lanes that are half a vector of double: layers share vectors, the rest is faster in those of half the length. */
    bool halves = exec->real == TAY_FLOAT64 && exec->lanes > 1 && exec->lanes < exec->kernels->width && !tay__is_layer(group);
    operation.kernel = (halves ? exec->whole : exec->kernels)->select(group, exec->lanes, exec->lane_coefs);
    operation.kernel.to_state |= to_state;
    operation.kernel.scratch = exec->n_scratch;
    operation.last = tay__n_orders(exec) - 1;
    if (group->primitive == TAY__STATE) {
        operation.delay = operation.first = 1;
        operation.last = exec->order;
    }
    TAY_TRY(tay__multiply(&operation.kernel.n_scratch, operation.kernel.n_scratch, tay__n_orders(exec)));
    exec->n_scratch += operation.kernel.n_scratch;
    if (exec->lanes > 1) tay__finish_lanes(exec, &operation);
    TAY_TRY(tay__array_push(&exec->operations, &operation));
out:
    return status;
}

/*
 * Copies operand table *slots of a gathering group to slots of the exec's own: adds the operation that does it, and replaces
 * the table by the first of the new slots for each term.
 */
static tay_status gather(tay__exec *exec, const tay__group *group, const int32_t **slots, uint32_t delay)
{
    tay_status status = TAY_OK;
    const tay__group *copy;
    int32_t *first, from;

    tay__align_slots(exec);
    TAY_TRY(tay__make_copies(&copy, exec, *slots, group->n_terms * (size_t)group->pitch));
    TAY_TRY(tay__alloc_kept(&first, &exec->kept, group->n_terms, sizeof *first));
    from = copy->rows[0].first;
    for (uint32_t k = 0; k < group->n_terms; k++) first[k] = from + (int32_t)k * group->pitch;
    TAY_TRY(add_operation(exec, copy, delay, false));
    if (delay == 0 && exec->cut) TAY_TRY(tay__note_copies(exec, group, *slots, first));
    *slots = first;
out:
    return status;
}

/* The operations of a group; the group itself comes last. */
static tay_status add_group(tay__exec *exec, const tay__group *group, bool to_state)
{
    tay_status status = TAY_OK;
    tay__group *own;

    if (exec->lanes > 1) {
        const tay__group *copies;
        TAY_TRY(tay__scale_operands(exec, &group, &copies));
        if (copies) TAY_TRY(add_operation(exec, copies, 0, false));
        TAY_TRY(add_operation(exec, group, 0, to_state));
        goto out;
    }
    TAY_TRY(tay__follow_moves(&group, exec));
    if (exec->by_order) {
        const tay__group *copies;
        if (group->primitive == TAY__STATE) TAY_TRY(tay__tabulate(&group, exec));
        TAY_TRY(tay__cut_pieces(&group, &copies, exec));
        if (copies) TAY_TRY(add_operation(exec, copies, 0, false));
    }
    if (group->a_stride != TAY__GATHER || group->primitive == TAY__LINEAR ||
        group->primitive == TAY__STATE)
        return add_operation(exec, group, 0, to_state);
    if (exec->cut) {
        const tay__group *rows = NULL, *before = group;
        TAY_TRY(tay__order_members(&group, exec));
        if (group != before) return add_operation(exec, group, 0, to_state);
        TAY_TRY(tay__cut_rows(&rows, exec, group));
        if (rows) return add_operation(exec, rows, 0, to_state);
    }
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    *own = *group;
    own->a_stride = TAY__CONTIGUOUS;
    TAY_TRY(gather(exec, group, &own->a, 0));
    if (group->b && group->square) {
        own->b = own->a;
    } else if (group->b) { /* a function's derivative is made after it, at each order */
        TAY_TRY(gather(exec, group, &own->b, group->primitive == TAY__INTEGRATE));
    }
    own->b_stride = TAY__CONTIGUOUS;
    TAY_TRY(add_operation(exec, own, 0, to_state));
out:
    return status;
}

/* A group in whole series. */
static tay_status add_series(tay__exec *exec, const tay__group *group)
{
    tay_status status = TAY_OK;

    TAY_TRY(tay__follow_moves(&group, exec));
    tay__operation operation = {.group = group, .kernel = exec->kernels->select_series(exec->series)};
    TAY_TRY(tay__array_push(&exec->operations, &operation));
out:
    return status;
}

static tay_status add_segment(tay__exec *exec, tay__segment segment)
{
    return tay__array_push(&exec->segments, &segment);
}

/* Notes that the segments of the next slice begin here. */
static tay_status begin_slice(tay__exec *exec)
{
    return tay__array_push(&exec->slices, &exec->segments.count);
}

/* All members of a group as one slice. */
static tay_status add_whole(tay__exec *exec, const tay__group *group)
{
    tay_status status = TAY_OK;

    TAY_TRY(begin_slice(exec));
    for (uint32_t r = 0; r < group->n_rows; r++)
        TAY_TRY(add_segment(exec, (tay__segment){r, 0, group->rows[r].length}));
out:
    return status;
}

/* A group alone, in chunks of about `members` members: several tiles of rows, or pieces of one. */
static tay_status add_chunks(tay__exec *exec, tay__step *step, const tay__group *group, int32_t members)
{
    tay_status status = TAY_OK;
    int64_t room = 0;

    step->n_parts = 0;
    for (uint32_t r = 0, rows; r < group->n_rows; r += rows) {
        int32_t length = group->rows[r].length;
        rows = tay__tile_rows((uint32_t)group->rows[r].tile);
        int32_t piece = members / (int32_t)rows / COLUMN_UNIT * COLUMN_UNIT;
        if (piece < COLUMN_UNIT) piece = COLUMN_UNIT;
        for (int32_t begin = 0; begin < length; begin += piece) {
            int32_t end = length - begin < piece + COLUMN_UNIT ? length : begin + piece;
            if (room <= 0) {
                TAY_TRY(begin_slice(exec));
                step->n_parts++;
                room = members;
            }
            for (uint32_t i = 0; i < rows; i++)
                TAY_TRY(add_segment(exec, (tay__segment){r + i, begin, end}));
            room -= (int64_t)(end - begin) * rows;
            if (end == length) break;
        }
    }
out:
    return status;
}

/* Members of a group whose coefficients of all orders, operands included, take PART_BYTES. */
static int32_t chunk_members(const tay__exec *exec, const tay__group *group)
{
    size_t width = 1 + group->n_terms * (size_t)(group->a_stride != TAY__SHARED) + (group->b ? group->n_terms : 0);
    size_t n = PART_BYTES / exec->element / (exec->order + 1) / width;

    if (exec->order == 0) return INT32_MAX / 2; /* nothing is read twice */
    return n < COLUMN_UNIT ? COLUMN_UNIT : (int32_t)n;
}

static const tay__group *group_of(const tay__exec *exec, const tay__step *step, uint32_t k)
{
    return tay__operation_of(exec, step, k)->group;
}

/* The width of the blocks of a step with n_columns columns, by the numbers that a column keeps on average. */
static int32_t column_width(const tay__exec *exec, const tay__step *step, int32_t n_columns)
{
    size_t numbers = 0, width;

    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__group *group = group_of(exec, step, k);
        numbers += group->n_members * (size_t)(group->transient ? 1 : exec->order + 1);
    }
    numbers = (numbers + (size_t)n_columns - 1) / (size_t)n_columns;
    width = PART_BYTES / exec->element / numbers / COLUMN_UNIT * COLUMN_UNIT;
    if (width < COLUMN_UNIT) width = COLUMN_UNIT;
    size_t n_blocks = ((size_t)n_columns + width - 1) / width; /* of about the same width */
    return (int32_t)(((size_t)n_columns + n_blocks - 1) / n_blocks + COLUMN_UNIT - 1) / COLUMN_UNIT * COLUMN_UNIT;
}

/* Counts, or writes if segments is not NULL, the segments of a group in all blocks; next[block * stride] is where those of
 * a block go on. */
static void cut_group(const tay__group *group, int32_t width, size_t *next, size_t stride, tay__segment *segments)
{
    for (uint32_t r = 0; r < group->n_rows; r++) {
        const tay__row *row = &group->rows[r];
        for (int32_t begin = 0; begin < row->length;) {
            int32_t block = (row->column + begin) / width;
            int32_t end = (block + 1) * width - row->column;
            if (end > row->length) end = row->length;
            size_t *slot = &next[(size_t)block * stride];
            if (segments) segments[*slot] = (tay__segment){r, begin, end};
            ++*slot;
            begin = end;
        }
    }
}

/* Cuts a step into blocks of columns. */
static tay_status add_columns(tay__exec *exec, tay__step *step, int32_t n_columns)
{
    tay_status status = TAY_OK;
    int32_t width = column_width(exec, step, n_columns);
    size_t n_slices, total = exec->segments.count, *next = NULL;
    uint32_t stride = step->n_operations;

    step->n_parts = ((uint32_t)n_columns + (uint32_t)width - 1) / (uint32_t)width;
    TAY_TRY(tay__multiply(&n_slices, step->n_parts, stride));
    TAY_TRY(tay__calloc(&next, n_slices, sizeof *next));
    for (uint32_t k = 0; k < stride; k++) cut_group(group_of(exec, step, k), width, next + k, stride, NULL);
    for (size_t i = 0; i < n_slices; i++) {
        size_t count = next[i];
        TAY_TRY(tay__array_push(&exec->slices, &total));
        next[i] = total;
        total += count;
    }
    TAY_TRY(tay__array_reserve(&exec->segments, total - exec->segments.count));
    exec->segments.count = total;
    for (uint32_t k = 0; k < stride; k++) cut_group(group_of(exec, step, k), width, next + k, stride, exec->segments.data);
out:
    tay__free(next);
    return status;
}

static tay__step begin_step(const tay__exec *exec)
{
    return (tay__step){.begin = (uint32_t)exec->operations.count, .n_parts = 1, .slices = exec->slices.count};
}

static tay_status end_step(tay__exec *exec, tay__step *step)
{
    return tay__array_push(&exec->steps, step);
}

static tay_status bind_recurrent(tay__exec *exec, const tay__stage *stage)
{
    tay_status status = TAY_OK;
    tay__step step = begin_step(exec);
    tay__array groups = TAY__ARRAY(tay__fused);

    exec->cut = exec->by_order = stage->n_columns == 0;
    TAY_TRY(tay__fuse_states(&groups, exec, stage));
    for (size_t k = 0; k < groups.count; k++) {
        const tay__fused *fused = (const tay__fused *)groups.data + k;
        TAY_TRY(add_group(exec, fused->group, fused->to_state));
        tay__operation *last = (tay__operation *)exec->operations.data + exec->operations.count - 1;
        last->complete = stage->n_columns > 0;
    }
    step.n_operations = (uint32_t)exec->operations.count - step.begin;
    if (exec->lanes == 1 && exec->cut) TAY_TRY(tay__fuse_copies(exec, &step, stage));
    if (exec->lanes > 1) {
        for (uint32_t k = 0; k < step.n_operations; k++) TAY_TRY(tay__add_pieces(exec, group_of(exec, &step, k)));
    } else if (stage->n_columns > 0) {
        TAY_TRY(add_columns(exec, &step, stage->n_columns));
    } else {
        for (uint32_t k = 0; k < step.n_operations; k++) TAY_TRY(add_whole(exec, group_of(exec, &step, k)));
    }
    TAY_TRY(end_step(exec, &step));
out:
    tay__array_free(&groups);
    return status;
}

/* Each operation is a step; what it reads is complete, but for a quotient's or power's own coefficients. */
static tay_status bind_alone(tay__exec *exec, const tay__stage *stage)
{
    tay_status status = TAY_OK;
    size_t begin = exec->operations.count;

    exec->cut = true;
    exec->by_order = false;
    for (uint32_t k = 0; k < stage->n_groups; k++) {
        const tay__group *group = &stage->groups[k];
        TAY_TRY(tay__goes_whole(exec, group) ? add_series(exec, group) : add_group(exec, group, false));
    }
    for (size_t i = begin; i < exec->operations.count; i++) {
        tay__operation *operation = (tay__operation *)exec->operations.data + i;
        const tay__group *group = operation->group;
        tay__step step = begin_step(exec);
        operation->complete = true;
        step.begin = (uint32_t)i;
        step.n_operations = 1;
        if (exec->lanes > 1)
            TAY_TRY(tay__add_pieces(exec, group));
        else if (operation->kernel.series)
            TAY_TRY(add_whole(exec, group));
        else
            TAY_TRY(add_chunks(exec, &step, group, chunk_members(exec, group)));
        TAY_TRY(end_step(exec, &step));
    }
out:
    return status;
}

tay_status tay__bind(tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__stage **stages;

    TAY_TRY(tay__plan_series(exec));
    TAY_TRY(tay__find_scaled(exec));
    TAY_TRY(tay__start_sums(&stages, exec));
    for (uint32_t i = 0; i < exec->program->n_stages; i++)
        TAY_TRY(stages[i]->recurrent ? bind_recurrent(exec, stages[i]) : bind_alone(exec, stages[i]));
    TAY_TRY(begin_slice(exec)); /* the end of the last one */
    TAY_TRY(tay__place_series(exec));
out:
    return status;
}
