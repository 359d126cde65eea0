/*
 * A program bound to a real type, an order and a number of lanes: private to exec.
 *
 * bind.c turns each stage into steps: a list of operations, which are groups with their kernels, and parts, which are
 * pieces of the stage that run one after the other over all orders (blocks of columns, chunks of rows, or all at once).
 */
#ifndef TAY__BOUND_H
#define TAY__BOUND_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "kernels/kernels.h"

enum { TAY__LINE = 64 }; /* bytes of a line of the caches */

/* A group of a step at orders first .. last of the step, where its kernel computes order n - delay. */
typedef struct tay__operation {
    tay__kernel kernel;
    const tay__group *group;
    uint32_t first, last, delay;
    bool complete; /* the shared operands are complete before the step */
    bool pulled;   /* it has cotangents (cotangents.c) */
    bool reached;  /* below `low` float has cotangents of its members (mixed.c) */
    bool restored; /* its values are not saved for the way back, but computed again from what is */
} tay__operation;

typedef struct tay__step {
    uint32_t begin, n_operations; /* in operations[] */
    uint32_t n_parts;
    size_t slices; /* part i, operation k: slices[slices + i * n_operations + k] is where its segments begin; they end
                      where the next begin */
} tay__step;

/* What tay__exec_advance does, for the jet, the packed coefficients and the scratch memory of a workspace. */
typedef void tay__code_function(void *jet, const void *packed, void *scratch, tay__advance *advance);

/* Steps begin .. end - 1, which are groups in whole series, as machine code calls them; it finds this in the scratch memory. */
typedef struct tay__series_call {
    void (*run)(const tay__exec *exec, uint64_t begin, uint64_t end, void *jet, const void *packed, void *scratch);
    const tay__exec *exec;
} tay__series_call;

/* What an operation over lanes does at order n of those below n_orders. */
typedef void tay__operation_function(const tay__pass *pass, uint64_t n, uint64_t n_orders);

/* Kinds of orders: by parity, and those at the end, which are order 0; or on the way back the highest, if it is even. */
enum { TAY__END, TAY__ODD, TAY__EVEN, TAY__KINDS };

/* Code of an operation, forward and on the way back; NULL where the vm runs it. */
typedef struct tay__operation_code {
    tay__operation_function *forward[TAY__KINDS], *reverse[TAY__KINDS];
} tay__operation_code;

/* What tay__exec_run_points does with whole blocks. */
typedef void tay__points_function(void *jet, const tay__points *points, void *unused);

/* Slots begin .. end - 1. */
typedef struct tay__slots {
    size_t begin, end;
} tay__slots;

struct tay__exec {
    tay__program *program;
    bool owned;
    bool reversible, lane_coefs; /* see tay__exec_create_reversible */
    tay_real real;
    uint32_t order, lanes;
    size_t element;        /* bytes */
    size_t n_slots, plane; /* with the slots of gathered operands; elements */
    size_t n_scratch;      /* elements */
    size_t n_transposed;   /* coefficients of layers, for the way back */
    size_t memory;         /* bytes of a workspace without the prologue's */
    const tay__kernels *kernels;
    const tay__kernels *numbers;  /* for double, whatever the real type; */
    const tay__kernels *whole;    /* for vectors of lanes; */
    const tay__kernels *rows;     /* for rows of a trajectory's states */
    _Atomic(tay__code_function *) run; /* code of the JIT, or NULL: then the vm runs */
    _Atomic(tay__points_function *) run_points; /* likewise for points: whole blocks of so many */
    _Atomic(const tay__operation_code *) run_lanes; /* likewise of operations over lanes: [operations.count] */
    uint32_t block;
    atomic_llong runs_left;       /* before code, or better code, is made; 0: never */
    struct tay__code *code[2];    /* as loops; unrolled. Both stay, as other threads may run the first one. */
    tay__exec *high;     /* mixed precision (mixed.c): orders from `low` on; or NULL */
    uint32_t low, back, exact; /* values of orders from `low` on are float; tay__split */
    bool is_high;
    /* Of tay__slots: of which float reads orders below `low`; to whose cotangents it adds there; states and the time. */
    tay__array narrowed, added, inputs;
    tay__exec *prologue; /* NULL also where its outputs are parameters, and the exec is reversible */
    tay__series *series; /* groups of stages that are not recurrent run in whole series (series.c); or NULL */
    bool *scaled;           /* [program->n_slots], several lanes: coefficients n > 0 are kept times n; NULL: none are */
    bool by_order;          /* while binding, one lane: all operations go on from one order to the next (pieces.c) */
    bool cut;               /* while binding, one lane: rows may be cut where copies are (gather.c) */
    int32_t *moved;         /* [program->n_slots] where the value is that the program has there; NULL: all are in place */
    int32_t *copies;        /* [program->n_slots] the slot of a copy, or -1; NULL: there are none */
    tay__array operations, steps, slices, segments; /* of tay__operation, tay__step, size_t, tay__segment */
    tay__array cleared;                             /* of tay__slots: what tay__cotangents_clear clears */
    tay__array saved;                               /* of tay__slots: what tay__exec_save saves */
    tay__array kept;                                /* of void *: changed copies of groups, and their operands */
};

/* The table for this processor, or for the lower instruction set that TAYRA_ISA names. */
const tay__kernels *tay__choose_kernels(tay_real real);
/* Whether so many lanes fill vectors of this table: whole ones, of float and a half, or parts of one. */
bool tay__fills(tay_real real, uint32_t lanes);
/* The widest table of this one and lower ones whose vectors, of at most so many elements, the lanes fill as a whole. */
const tay__kernels *tay__choose_whole(tay_real real, uint32_t lanes, size_t most);

/* The slot of operand k of member m of row r; slots and stride are the group's a or b. */
static inline int32_t tay__operand(const tay__group *g, const int32_t *slots, tay__stride stride, uint32_t r, uint32_t k,
                                        int32_t m)
{
    if (g->a_stride == TAY__GATHER) return slots[k * (size_t)g->pitch + (size_t)m];
    return slots[r * (size_t)g->n_terms + k] + (stride == TAY__CONTIGUOUS ? m : 0);
}

static inline const tay__operation *tay__operation_of(const tay__exec *exec, const tay__step *step, uint32_t k)
{
    return (const tay__operation *)exec->operations.data + step->begin + k;
}

/* Begin of the segments of operation k of a step, in its first part, and their number. */
static inline const tay__segment *tay__segments_of(const tay__exec *exec, const tay__step *step, uint32_t k, size_t *n)
{
    const size_t *slice = (const size_t *)exec->slices.data + step->slices + k;
    *n = slice[1] - slice[0];
    return (const tay__segment *)exec->segments.data + slice[0];
}

/* Operation k of a step over lanes, at order n, by its code if there is any. */
static inline void tay__run_lanes(const tay__exec *exec, const tay__step *step, uint32_t k, const tay__pass *pass, uint32_t n)
{
    const tay__operation *o = tay__operation_of(exec, step, k);
    const tay__operation_code *code = atomic_load_explicit(&exec->run_lanes, memory_order_acquire);
    tay__operation_function *f = code ? code[step->begin + k].forward[n == 0 ? TAY__END : n % 2 ? TAY__ODD : TAY__EVEN] : NULL;
    size_t n_segments;
    const tay__segment *segments = tay__segments_of(exec, step, k, &n_segments);

    if (f) f(pass, n, pass->n_orders);
    else o->kernel.drive(pass, &o->kernel, o->group, n, segments, n_segments);
}

/* Sets the marks of a group's members to `mark`; whether one is marked; sets those of what a program begins with: inputs, the
 * time, parameters. */
static inline void tay__mark_members(bool *marks, const tay__group *g, bool mark)
{
    for (uint32_t r = 0; r < g->n_rows; r++) memset(&marks[g->rows[r].first], mark, (size_t)g->rows[r].length);
}

static inline bool tay__any_marked(const bool *marks, const tay__group *g)
{
    for (uint32_t r = 0; r < g->n_rows; r++)
        if (memchr(&marks[g->rows[r].first], true, (size_t)g->rows[r].length)) return true;
    return false;
}

static inline void tay__mark_inputs(bool *marks, const tay__program *p)
{
    memset(marks, true, p->n_inputs);
    if (p->time_slot >= 0) marks[p->time_slot] = true;
    if (p->par_slot >= 0) memset(&marks[p->par_slot], true, p->n_pars);
}

/* The number of coefficients of a group; whether some of them, or of its constants, are outputs of the prologue. */
static inline size_t tay__n_coefs(const tay__group *g)
{
    size_t members = g->pitch > 0 ? (size_t)g->pitch : g->n_members; /* a table's coefficients are padded as it is */
    return g->n_terms * (g->varying_coefs ? members : g->n_rows);
}

bool tay__depends_on_prologue(const tay__program *p, const tay__group *g);

/* Several lanes (lanes.c). Which slots of the program keep their coefficients n > 0 times n, exec->scaled. */
tay_status tay__find_scaled(tay__exec *exec);
/* Where *group is an integral whose operands are not kept so: *copies is a group that makes such copies, and *group one that
 * reads them. Else *copies is NULL. */
tay_status tay__scale_operands(tay__exec *exec, const tay__group **group, const tay__group **copies);
/* A slice of segments, each of which is a run of lanes. */
tay_status tay__add_pieces(tay__exec *exec, const tay__group *group);
/* The rest of an operation's kernel. */
void tay__finish_lanes(tay__exec *exec, tay__operation *operation);

/* Calls `see` for all operands a, and b if there are, of a group. */
typedef void tay__see_operand(void *context, const tay__group *g, int32_t slot, bool is_b);
void tay__see_operands(const tay__group *g, tay__see_operand *see, void *context);
/* Whether cotangents of a group flow to its operands a, or b: to all but derivatives of functions (cotangents.c). */
static inline bool tay__flows_to(const tay__group *g, bool is_b)
{
    return !(is_b && g->primitive == TAY__INTEGRATE);
}

/* Zeroes these slots (of tay__slots) in an order of a jet or of cotangents. */
void tay__clear_slots(const tay__exec *exec, void *row, const tay__array *slots);
/* The runs of marked slots, pushed to an array of tay__slots. */
tay_status tay__find_runs(tay__array *out, const bool *marks, size_t n);
/* Which operations of a reversible exec are pulled, which write cotangents first, and what is to be cleared before. */
tay_status tay__plan_reverse(tay__exec *exec);
/* Then: which values are to be saved for the way back, and which are restored from these (save.c). */
tay_status tay__plan_save(tay__exec *exec);

/* Slots of the exec's own begin where whole vectors do. */
static inline void tay__align_slots(tay__exec *exec)
{
    exec->n_slots = (exec->n_slots + TAY__PITCH - 1) / TAY__PITCH * TAY__PITCH;
}

/* A group that copies n operands to new slots of the exec's own, from exec->n_slots on; with one lane n is a multiple of
 * TAY__PITCH. */
tay_status tay__make_copies(const tay__group **out, tay__exec *exec, const int32_t *slots, size_t n);
/* A table is cut into pieces, if that pays; *copies: what is to be done before, or NULL (pieces.c). */
tay_status tay__cut_pieces(const tay__group **group, const tay__group **copies, tay__exec *exec);
/* States in short rows are one table. */
tay_status tay__tabulate(const tay__group **group, tay__exec *exec);

/* Whole series (series.c), one lane. Sets exec->series if there are any; whether a group goes so, of a stage that is not
 * recurrent. */
tay_status tay__plan_series(tay__exec *exec);
bool tay__goes_whole(const tay__exec *exec, const tay__group *group);
/* All operations are there: gives them rows. */
tay_status tay__place_series(tay__exec *exec);

/* Gathered operands (gather.c), one lane. *out: a group of rows in place of one with tables, or NULL if that has no pattern. */
tay_status tay__cut_rows(const tay__group **out, tay__exec *exec, const tay__group *group);
/* Members may change places such that rows get longer; groups bound later must follow the moves. */
tay_status tay__order_members(const tay__group **group, tay__exec *exec);
tay_status tay__follow_moves(const tay__group **group, tay__exec *exec);
/* Notes that members of operand table `slots` are copied to consecutive slots, term k's from first[k] on. */
tay_status tay__note_copies(tay__exec *exec, const tay__group *group, const int32_t *slots, const int32_t *first);
/* The last step so far: sums that are only copied are computed at once where their copies would be. */
tay_status tay__fuse_copies(tay__exec *exec, tay__step *step, const tay__stage *stage);

/* What the vm does in tay__exec_run; with some steps, for machine code (tay__series_call). */
void tay__run_steps(const tay__exec *exec, tay__workspace *workspace);
void tay__run_series(const tay__exec *exec, uint64_t begin, uint64_t end, void *jet, const void *packed, void *scratch);

/* Points (points.c). How many the JIT's code takes at once; 0: it makes none for this exec. */
uint32_t tay__points_block(const tay__exec *exec);
/*
 * How many points the vm evaluates in the time that making code takes, measured: 20 ms, in which it computes 1.5e8 terms, and
 * what grows with the program as its evaluation does. Layers gain less from code and wait longer; a single point takes 1 us.
 */
double tay__points_before_code(const tay__exec *exec);
/* Whether the values of a block of points of this program are to be in registers. */
bool tay__fits_registers(const tay__program *program);

/* A run of an exec for which code may be made once that pays: makes it after the last of exec->runs_left runs, or finds it
 * before. */
void tay__exec_count_run(const tay__exec *exec);

/* An exec of the program, real type, order and lanes (and flags) of `wanted`. */
tay_status tay__exec_make(tay__exec **out, const tay__exec *wanted);
/* tay__exec_set_parameters of a reversible exec. */
void tay__set_lane_parameters(const tay__exec *exec, tay__workspace *w, const double *pars);

/* The number of coefficients of values that are not states. */
static inline uint32_t tay__n_orders(const tay__exec *exec)
{
    return exec->order > 0 ? exec->order : 1;
}

/* Bytes of coefficients 0 .. order, in one precision. */
static inline size_t tay__jet_bytes(const tay__exec *exec, uint32_t order)
{
    return ((size_t)order + 1) * exec->plane * exec->element;
}

/* Whether packed number i is 1, whatever the parameters are. */
static inline bool tay__is_one(const tay__program *p, size_t i)
{
    return p->packed_from[i] < p->n_numbers && p->numbers[p->packed_from[i]] == 1;
}

/* Coefficients per packed number. */
static inline size_t tay__coef_lanes(const tay__exec *exec)
{
    return exec->lane_coefs ? exec->lanes : 1;
}

/* What the kernels read and write in a run of so many orders. */
static inline tay__pass tay__pass_of(const tay__exec *exec, const tay__workspace *w, uint32_t n_orders)
{
    return (tay__pass){.jet = w->jet, .plane = w->plane, .lanes = exec->lanes, .packed = w->packed, .scratch = w->scratch,
                       .n_orders = n_orders, .keep = exec->lanes > 1, .coef_lanes = tay__coef_lanes(exec),
                       .transposed = w->transposed};
}

/* The way back through the orders of one precision. */
typedef struct tay__back tay__back;
struct tay__back {
    const tay__exec *exec;
    tay__pass pass;
    uint32_t first;      /* sums of one order are pulled, and learn, from this one on */
    const float *units;  /* of time, for each lane; NULL: 1 */
    void (*add)(const tay__back *back, const tay__operation *o, uint32_t n); /* before such a sum is pulled; may be NULL */
    const tay__back *high;
    const double *factors; /* for `add` (mixed.c) */
};

/* Whether coefficient n of a group needs its operands' coefficients n alone, but for which of them are chosen. */
static inline bool tay__is_of_one_order(const tay__group *g)
{
    return g->primitive == TAY__LINEAR || g->primitive == TAY__STATE || g->primitive == TAY__CHOICE;
}

/* The loops over orders, of one precision (reverse.c, save.c). */
void tay__run_orders(const tay__exec *exec, const tay__workspace *workspace, uint32_t from, uint32_t to);
void tay__reverse_orders(const tay__back *back, bool with_parameters);
/* Orders from .. to from what is saved of them; returns what follows. */
const char *tay__restore_orders(const tay__exec *exec, const tay__workspace *workspace, const char *saved, uint32_t from,
                                uint32_t to);

/* Mixed precision (mixed.c). Makes exec->high if the program is one for it. */
tay_status tay__make_high(tay__exec *exec, tay__split split);
/* Numbers that stand between the jets of double and float. */
size_t tay__count_units(const tay__exec *exec);
double *tay__units_of(const tay__exec *exec, const tay__workspace *workspace);
/* The workspace for float, with what belongs to the workspace's jet. */
tay__workspace *tay__high_of(const tay__exec *exec, const tay__workspace *workspace);
/* Whether the workspace's jet, of this order, is double and float. */
bool tay__is_mixed(const tay__exec *exec, const tay__workspace *workspace, uint32_t order);
/* Extends a jet in mixed precision. How far it is known then: `to`; or less, from where double goes on. */
uint32_t tay__extend_mixed(const tay__exec *exec, tay__workspace *workspace, uint32_t from, uint32_t to);
/* tay__exec_reverse in mixed precision. */
void tay__reverse_mixed(tay__back *back, const tay__workspace *workspace, tay__cotangents *bars, uint32_t order,
                        bool with_parameters);
void tay__set_high_parameters(const tay__exec *exec, tay__workspace *workspace);
/* Restores the orders from `low` on, those below are. */
void tay__restore_high(const tay__exec *exec, tay__workspace *workspace, const char *saved, uint32_t order);

/* Fills operations, steps, slices and segments; raises n_slots and n_scratch. */
tay_status tay__bind(tay__exec *exec);

/* *out: the program's stages, in which sums of those with columns start from what is added to them (one lane). */
tay_status tay__start_sums(const tay__stage ***out, tay__exec *exec);

/* A group to be bound; to_state: its rows are states, see tay__kernel. */
typedef struct tay__fused {
    const tay__group *group;
    bool to_state;
} tay__fused;

/*
 * The groups of a recurrent stage, where transient sums that are derivatives of states are fused with these: such a sum
 * goes to the states at once. *out is an array of tay__fused, to be freed by the caller in any case.
 */
tay_status tay__fuse_states(tay__array *out, tay__exec *exec, const tay__stage *stage);

#endif
