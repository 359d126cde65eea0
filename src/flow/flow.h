/*
 * The parts of a flow, private to this area: the flow and its bound programs, a run's blocks of trajectories, and the tape.
 *
 * Trajectories are cut into blocks, by their number alone. A block has lanes; when the trajectory of a lane is finished, the
 * next one of the block takes its place. So a block is a sequence of steps of all lanes at one order, which is what the tape
 * records; blocks are independent, and what they add up is added in their order, whatever thread did them.
 */
#ifndef TAY__FLOW_H
#define TAY__FLOW_H

#include <pthread.h>

#include "exec/exec.h"
#include "tayra/flow.h"

/* A program bound to a number of lanes, made at its first use; its idle memory. */
typedef struct tay__lanes {
    tay__exec *exec;
    uint32_t lanes;
    bool lane_pars;
    bool is_network;        /* what is computed again of a jet that was saved is a small part of it */
    bool chosen;            /* who runs it */
    _Atomic size_t n_steps; /* of all trajectories */
    struct tay__worker *idle;
    tay__array spare[2];   /* of double *: what tapes that are gone held (tay__held), for the next ones: fresh memory is slow */
    struct tay__lanes *next;
} tay__lanes;

enum { TAY__MOST_LANES = 64 };

/* What one thread works in. */
typedef struct tay__worker {
    tay__lanes *lanes; /* to which it belongs */
    tay__workspace *workspace;
    tay__cotangents *bars;
    double *jet;     /* the workspace's own, where it has none of a tape's */
    double *saved;   /* where the step under way is saved, or NULL */
    uint64_t run;    /* the last one whose parameters, for all trajectories, were set */
    bool leads;      /* it is the calling thread's, and reports progress */
    struct tay__worker *next;
} tay__worker;

struct tay_flow {
    _Atomic size_t refs;
    size_t dim, n_pars;
    size_t n_normed;        /* the first variables, whose coefficients the step sizes follow from; all, but in a tangent */
    tay_expr **vars, **rhs; /* [dim] references */
    double *shares;         /* [max_order + 1]: the step at this order is so much of the radius of convergence (step.c); */
    double *resolved;       /* [max_order + 1]: at this order, at most so much by the rate at which neighbours leave (growth.c) */
    double tolerance;
    size_t memory_limit, max_steps;
    uint32_t n_threads, fixed_order, usual_order, max_order, n_lanes; /* n_lanes: wanted, or 0 */
    tay_execution execution;
    tay_precision precision; /* wanted */
    _Atomic uint64_t n_runs;
    pthread_mutex_t lock; /* of the list */
    tay__lanes *lanes, *taken; /* taken: by the last run */
    struct tay_flow *tangent; /* (x, v)' = (f, df (v, dp, dt)); made at its first use */
};

/* A step of one lane: which trajectory (TAY__IDLE: none), where, how far, which of the output times lie in it. */
#define TAY__IDLE SIZE_MAX
typedef struct tay__lane_step {
    size_t point, first_time, end_time;
    tay__time time;
    double h;
    bool begins, ends; /* the trajectory's first, last step */
} tay__lane_step;

/* What is held of a step: the whole jet, which costs nothing but memory, or what the way back reads, a fraction of that. */
typedef enum tay__held { TAY__JET, TAY__SAVED } tay__held;

/* A step of a block; a list from the last one. */
typedef struct tay__block_step {
    struct tay__block_step *before;
    uint32_t order;
    bool mixed;           /* as the workspace's */
    double *jet, *saved;  /* the jet, or what is saved of it (tay__exec_save); or NULL: to be computed again from the state */
    double *state;        /* [dim][lanes] at its beginning */
    tay__lane_step *lane; /* [lanes] */
} tay__block_step;

/* Where a run stands between two steps: all that the steps behind it follow from. */
typedef struct tay__walk {
    size_t next;          /* trajectory */
    size_t lanes;
    tay__lane_step *lane; /* [lanes] */
    size_t *n_steps;      /* [lanes] of their trajectories */
    double n_expected;    /* of the lane that takes most, as the last step told; 0 before the first one */
    double *state, *rho;  /* [dim][lanes], [lanes] */
    double *direction;    /* [n_normed][lanes] in which neighbours leave fastest, */
    double *rate;         /* [lanes] and how fast, per unit of time (growth.c) */
    size_t n_blind;       /* steps since then */
    bool is_mean;         /* found by several applications */
} tay__walk;

/* Where steps begin of which the tape holds no more than their number. */
typedef struct tay__mark {
    tay__walk at;
    size_t n_steps;
} tay__mark;

/*
 * A block's part of a tape: the last steps, and marks from which those before them can be done again. While the steps fit into
 * half of the memory there is no mark.
 */
typedef struct tay__block {
    size_t begin, end;  /* trajectories */
    tay__lanes *lanes;  /* in which they go */
    size_t limit_bytes; /* of all that it takes; */
    size_t most_held[2]; /* of what is held beyond a step */
    tay__block_step *last;
    size_t n_steps;
    tay__array memory;  /* of void *: that of the steps, but for their jets */
    char *next;         /* free bytes in the last of them, */
    size_t room;        /* so many */
    tay__array held[2]; /* of double *: jets, and what is saved of others; */
    size_t held_bytes[2];
    size_t n_kept;      /* steps of trajectories of which that is held */
    tay__array marks;   /* of tay__mark */
    size_t step_bytes, mark_bytes;
    tay_flow_result result;
} tay__block;

/* A run, and with `taped` the tape that it leaves. */
struct tay_tape {
    tay_flow *flow;
    tay_flow_arguments a;   /* its arrays: copies that belong to the tape, if it is left */
    double *copies;
    double *reached;        /* [n_points] the time of the last good state; infinite if all times were */
    tay__block *blocks;
    size_t n_blocks, most_threads; /* one thread does the blocks in their order */
    uint64_t serial;                /* of the flow's runs */
    bool taped, used;
    tay_flow_progress progress;     /* of the run or pull under way, and its context */
    void *context;
    _Atomic size_t n_done;          /* trajectories */
    _Atomic bool stopped;
    double *ys, *slopes;    /* of the run under way, else NULL; slopes[T][M][n_normed], x' at the outputs, may be NULL */
    const double *ys_bar;   /* of the pull under way */
    const tay_flow_cotangents *bars;
    double *block_bars;     /* [n_blocks][n_block_bars]: parameters, then times, where these are shared; of several threads */
    size_t n_block_bars;
};

/* The flow of these equations with the options of another. */
tay_status tay__flow_like(tay_flow **out, const tay_flow *like, const tay_expr *const *vars, const tay_expr *const *rhs,
                          size_t n);

/* Whether the arguments have the shapes and values that a run needs (arguments.c); `name` leads each message's. */
tay_status tay__check_numbers(const double *x, size_t n, const char *name);
tay_status tay__check_arguments(const tay_flow *flow, const double *ys, const tay_flow_arguments *a);
static inline size_t tay__count_times(const tay_flow_arguments *a)
{
    return a->n_times * (a->shared_times ? 1 : a->n_points);
}
static inline size_t tay__count_pars(const tay_flow *flow, const tay_flow_arguments *a)
{
    return flow->n_pars * (a->shared_pars ? 1 : a->n_points);
}
/* Numbers that hold the parameters of the lanes' trajectories, where each has its own. */
static inline size_t tay__count_lane_pars(const tay_flow *flow, const tay__lanes *lanes)
{
    return lanes->lane_pars ? flow->n_pars * lanes->lanes : 0;
}
/* A run with checked arguments. */
tay_status tay__flow_run(double *ys, double *slopes, tay_tape **tape, tay_flow_result *result, const tay_flow *flow,
                         const tay_flow_arguments *arguments);

/* What a block's part of the tape takes (tape.c). The least memory with which it can hold a step and a mark. */
size_t tay__tape_least(const tay_tape *run, const tay__block *block);
/* Begins a step: makes room for it, for which those so far may have to go, and gives the workspace a jet. */
tay_status tay__tape_begin_step(tay_tape *run, tay__block *block, tay__worker *worker, const tay__walk *at);
/* Ends it, at this order with its lanes as they are; its state is the workspace's. */
void tay__tape_end_step(tay_tape *run, tay__block *block, tay__worker *worker, uint32_t order, const tay__lane_step *lane);
/* The steps (not the marks) go. */
void tay__tape_clear(tay_tape *run, tay__block *block);
void tay__tape_free_block(tay_tape *run, tay__block *block);

/* Memory for a walk; where it begins; a copy. */
tay_status tay__walk_create(tay__walk *out, const tay_flow *flow, size_t lanes);
void tay__walk_free(tay__walk *walk);
void tay__walk_begin(tay__walk *walk, const tay_flow *flow, const tay__block *block);
void tay__walk_copy(tay__walk *to, const tay__walk *from, const tay_flow *flow);

/* The bound program for so many lanes; as machine code, if it has run so often that this pays. Runs under way keep theirs. */
tay_status tay__flow_lanes(tay__lanes **out, tay_flow *flow, uint32_t lanes, bool lane_pars);
tay_status tay__flow_take(tay__worker **out, tay_flow *flow, tay__lanes *lanes);
void tay__flow_give(tay_flow *flow, tay__worker *worker);

static inline double tay__time_of(const tay_flow_arguments *a, size_t point, size_t j)
{
    return a->times[a->shared_times ? j : point * a->n_times + j];
}

/* Outputs that are taken at once, of each lane: as many as stay in the first-level cache. */
enum { TAY__MOST_ROUNDS = 16 };
static inline size_t tay__rounds_at_once(size_t dim, size_t lanes)
{
    enum { LEAST = 4, CACHED = 1 << 12 };
    size_t n = CACHED / (dim * lanes);
    return n < LEAST ? LEAST : n < TAY__MOST_ROUNDS ? n : TAY__MOST_ROUNDS;
}
/* The distance from a lane's time to output j, with its sign. */
static inline double tay__distance(const tay_tape *run, const tay__lane_step *lane, size_t j)
{
    return tay__time_of(&run->a, lane->point, j) - lane->time.hi - lane->time.lo;
}
/* Whether output j of a lane lies in its step. */
static inline bool tay__covers(const tay__lane_step *lane, size_t j)
{
    return lane->point != TAY__IDLE && j < lane->end_time;
}
/* Rounds `done` ... of outputs: tau[k * lanes + l] is the distance of lane l's, 0 if it has none. The number of rounds, at most
 * tay__rounds_at_once(); 0 if no lane has one left. */
size_t tay__next_rounds(double *tau, const tay_tape *run, size_t lanes, const tay__lane_step *lane, size_t done);
/* The rows of length n of these rounds in an array [T][M][n]; `none` for lanes that have none. */
typedef double *tay__rows[TAY__MOST_LANES];
void tay__rows_of_rounds(tay__rows *rows, const tay_tape *run, size_t lanes, const tay__lane_step *lane, size_t done,
                         size_t n_rounds, double *array, size_t n, double *none);

/* Finds at->rate, where it is time to, or where steps h[lanes] of the workspace's jet, or left[lanes], may be too long for it. */
void tay__find_rates(const tay_tape *run, const tay__worker *worker, tay__walk *at, uint32_t order, const double *h,
                     const double *left);
/* The distance up to which a series of this order resolves the tangent map, times that rate. */
double tay__resolved_distance(double tolerance, uint32_t order);
/* Sets flow->shares and flow->resolved. */
tay_status tay__find_shares(tay_flow *flow);
/* Sets the workspace up for the parameters of the lanes' trajectories; scratch[n_pars * lanes]. */
void tay__set_pars(const tay_tape *run, tay__worker *worker, const tay__lane_step *lane, double *scratch);
/* The same with those of another worker for other lanes, where they are for all trajectories. */
void tay__copy_pars(tay__worker *worker, const tay__worker *from);
/* State and time to coefficient 0 of the workspace's jet. Idle lanes do what the first busy one does. */
void tay__begin_step(const tay_tape *run, tay__worker *worker, const double *state, const tay__lane_step *lane);
/*
 * The jet of a step, at the order for which the work on the rest is least, as far as the lanes' distances to go and the
 * radii of convergence tell; at->rho are those of the last step (0: unknown) and become this one's. more: trajectories wait
 * for lanes. h[lanes]: the largest steps that the tolerance allows, NaN where a coefficient is not finite.
 */
uint32_t tay__make_jet(const tay_tape *run, tay__worker *worker, tay__walk *at, const double *left, bool more, double *h);

/* One block, forward or back. */
tay_status tay__run_block(tay_tape *run, tay__block *block, tay__worker *worker);
/* The steps from a mark on once more, to the tape. */
tay_status tay__run_again(tay_tape *run, tay__block *block, tay__worker *worker, const tay__mark *mark);
tay_status tay__pull_block(tay_tape *run, tay__block *block, tay__worker *worker);

/* What all blocks did. */
tay_flow_result tay__sum_results(const tay_tape *run);

/* A run's blocks, with their lanes and the memory that they may take. */
tay_status tay__cut_blocks(tay_tape *run);
/* All blocks by the flow's threads, with the run's progress. */
tay_status tay__each_block(tay_tape *run, tay_status (*work)(tay_tape *, tay__block *, tay__worker *));
/* After each step of a block: TAY_ERROR_STATE if the run or pull is to stop. */
tay_status tay__go_on(tay_tape *run, const tay__worker *worker);

#endif
