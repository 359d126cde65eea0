/*
 * Compiled functions: a program without jets, run over points (tay__exec_run_points). In the vm the points of a block are
 * the program's lanes, as many as the cache allows.
 *
 * Single points and ends of rows go through narrower widths of the same program, each of which is made at its first use.
 * Workspaces are kept in a free list, so that a call rarely allocates.
 */
#include <pthread.h>

#include "exec/exec.h"

/* Lanes of the widths; the last one is chosen from the size of the program. */
enum { SINGLE, NARROW, WIDE, N_WIDTHS };

/* The values of a block stay within about the size of a second-level cache, and a wider block gains little. */
enum { BLOCK_BYTES = 128 * 1024, MAX_LANES = 128 };
/* Values that take some hundred microseconds. */
enum { VALUES_PER_THREAD = 1 << 18 };

typedef struct idle {
    tay__workspace *workspace;
    struct idle *next;
} idle;

typedef struct width {
    tay__exec *exec; /* NULL until it is needed */
    idle *free;
} width;

struct tay_cfunc {
    tay_expr **fn, **vars; /* references: a width is lowered again from them */
    size_t n_fn, n_vars, n_pars, element;
    bool has_time;
    tay_real real;
    tay_execution wanted;
    uint32_t lanes[N_WIDTHS];
    pthread_mutex_t lock; /* of the widths */
    width widths[N_WIDTHS];
};

/* The arguments of a call, with the defaults filled in. */
typedef struct call {
    const tay_cfunc *f;
    char *out;
    const char *in;
    tay_cfunc_arguments a;
    size_t block; /* of the code for many points; 0: the vm evaluates them */
} call;

static tay_status lower(tay__program **out, const tay_cfunc *f)
{
    return tay__program_create(out, &(tay__program_spec){
                                        .inputs = (const tay_expr *const *)f->vars,
                                        .n_inputs = f->n_vars,
                                        .outputs = (const tay_expr *const *)f->fn,
                                        .n_outputs = f->n_fn,
                                    });
}

static uint32_t choose_lanes(size_t n_slots, size_t element)
{
    size_t lanes = BLOCK_BYTES / element / n_slots / TAY__LANES * TAY__LANES;
    return lanes < TAY__LANES ? TAY__LANES : lanes > MAX_LANES ? MAX_LANES : (uint32_t)lanes;
}

static tay_status keep_expressions(tay_expr ***out, const tay_expr *const *e, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!e || !e[i]) return tay__error(TAY_ERROR_ARGUMENT, "%s[%zu]: expected an expression, got NULL", name, i);
    }
    tay_status status = tay__calloc(out, n, sizeof **out);
    if (status != TAY_OK) return status;
    for (size_t i = 0; i < n; i++) (*out)[i] = tay_expr_ref(e[i]);
    return TAY_OK;
}

static tay_status read_options(tay_cfunc *f, const tay_cfunc_options *options)
{
    f->real = TAY_FLOAT64;
    f->wanted = TAY_EXECUTION_DEFAULT;
    if (!options) return TAY_OK;
    if (options->size != sizeof *options) {
        return tay__error(TAY_ERROR_ARGUMENT, "options->size: expected %zu, got %zu", sizeof *options,
                          (size_t)options->size);
    }
    if (options->real != TAY_FLOAT64 && options->real != TAY_FLOAT32) {
        return tay__error(TAY_ERROR_ARGUMENT, "options->real: expected a real type, got %d", (int)options->real);
    }
    f->real = options->real;
    f->wanted = options->execution;
    return tay__check_execution(options->execution);
}

tay_status tay_cfunc_create(tay_cfunc **out, const tay_expr *const *fn, size_t n_fn, const tay_expr *const *vars,
                            size_t n_vars, const tay_cfunc_options *options)
{
    tay_status status = TAY_OK;
    tay_cfunc *f = NULL;
    tay__program *program = NULL;

    TAY_TRY(tay__check_pointer(out, "out"));
    if (n_fn == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "n_fn: expected at least one expression, got none");
    TAY_TRY(tay__calloc(&f, 1, sizeof *f));
    pthread_mutex_init(&f->lock, NULL);
    f->n_fn = n_fn;
    f->n_vars = n_vars;
    TAY_TRY(read_options(f, options));
    f->element = f->real == TAY_FLOAT64 ? sizeof(double) : sizeof(float);
    TAY_TRY(keep_expressions(&f->fn, fn, n_fn, "fn"));
    TAY_TRY(keep_expressions(&f->vars, vars, n_vars, "vars"));
    for (size_t i = 0; i < n_vars; i++) {
        if (tay_expr_get_kind(vars[i]) != TAY_KIND_VARIABLE) {
            TAY_FAIL(TAY_ERROR_ARGUMENT, "vars[%zu]: expected a variable", i);
        }
    }
    TAY_TRY(lower(&program, f));
    f->n_pars = program->n_pars;
    f->has_time = program->time_slot >= 0;
    f->lanes[SINGLE] = 1;
    f->lanes[NARROW] = TAY__LANES;
    f->lanes[WIDE] = choose_lanes(program->n_slots, f->element);
    TAY_TRY(tay__exec_create(&f->widths[WIDE].exec, program, f->real, 0, f->lanes[WIDE]));
    tay__exec_choose(f->widths[WIDE].exec, f->wanted);
    program = NULL;
    *out = f;
    f = NULL;
out:
    tay__program_free(program);
    tay_cfunc_free(f);
    return status;
}

void tay_cfunc_free(tay_cfunc *f)
{
    if (!f) return;
    for (int w = 0; w < N_WIDTHS; w++) {
        for (idle *i = f->widths[w].free, *next; i; i = next) {
            next = i->next;
            tay__workspace_free(i->workspace);
            tay__free(i);
        }
        tay__exec_free(f->widths[w].exec);
    }
    for (size_t i = 0; f->fn && i < f->n_fn; i++) tay_expr_unref(f->fn[i]);
    for (size_t i = 0; f->vars && i < f->n_vars; i++) tay_expr_unref(f->vars[i]);
    tay__free(f->fn);
    tay__free(f->vars);
    pthread_mutex_destroy(&f->lock);
    tay__free(f);
}

/* Takes a workspace of width w from the free list, or makes one; the caller holds the lock. */
static tay_status take_locked(idle **out, tay_cfunc *f, int w)
{
    tay_status status = TAY_OK;
    width *of = &f->widths[w];
    tay__program *program = NULL;
    idle *i = NULL;

    if (of->free) {
        *out = of->free;
        of->free = of->free->next;
        return TAY_OK;
    }
    if (!of->exec) {
        TAY_TRY(lower(&program, f));
        TAY_TRY(tay__exec_create(&of->exec, program, f->real, 0, f->lanes[w]));
        program = NULL;
        tay__exec_choose(of->exec, w == SINGLE ? f->wanted : TAY_EXECUTION_VM);
    }
    TAY_TRY(tay__calloc(&i, 1, sizeof *i));
    TAY_TRY(tay__workspace_create(&i->workspace, of->exec));
    *out = i;
    i = NULL;
out:
    tay__free(i);
    tay__program_free(program);
    return status;
}

/* The lock and the lists are the only mutable parts of a function, so that it can be const for its users. */
static tay_status take(idle **out, const tay_cfunc *f, int w)
{
    tay_cfunc *mutable = (tay_cfunc *)f;
    pthread_mutex_lock(&mutable->lock);
    tay_status status = take_locked(out, mutable, w);
    pthread_mutex_unlock(&mutable->lock);
    return status;
}

static void give_back(const tay_cfunc *f, int w, idle *i)
{
    tay_cfunc *mutable = (tay_cfunc *)f;
    pthread_mutex_lock(&mutable->lock);
    i->next = mutable->widths[w].free;
    mutable->widths[w].free = i;
    pthread_mutex_unlock(&mutable->lock);
}

/* `count` points from `first` by width w. */
static tay_status run_width(const call *c, int w, size_t first, size_t count)
{
    const tay_cfunc *f = c->f;
    const tay_cfunc_arguments *a = &c->a;
    const char *pars = a->pars, *time = a->time;
    size_t at = first * f->element;
    idle *i;
    if (count == 0) return TAY_OK;
    tay_status status = take(&i, f, w);
    if (status != TAY_OK) return status;

    const tay__exec *exec = f->widths[w].exec;
    tay__points points = {.in = c->in ? c->in + at : NULL,
                          .pars = pars && !a->shared_pars ? pars + at : pars,
                          .time = time && !a->shared_time ? time + at : time,
                          .out = c->out + at,
                          .in_stride = a->in_stride,
                          .pars_stride = a->shared_pars ? 1 : a->pars_stride,
                          .out_stride = a->out_stride,
                          .pars_step = !a->shared_pars,
                          .time_step = !a->shared_time,
                          .n = count};
    if (w == SINGLE) tay__exec_expect_points(exec, count);
    tay__exec_run_points(exec, i->workspace, &points, w == WIDE ? c->block : tay__exec_block(exec));
    give_back(f, w, i);
    return TAY_OK;
}

static tay_status fill_stride(size_t *stride, size_t n_points, size_t rows, const char *name, size_t element)
{
    size_t size;
    if (*stride == 0) *stride = n_points;
    if (*stride < n_points) {
        return tay__error(TAY_ERROR_ARGUMENT, "%s: expected at least %zu (n_points), got %zu", name, n_points, *stride);
    }
    tay_status status = tay__multiply(&size, *stride, rows);
    return status == TAY_OK ? tay__multiply(&size, size, element) : status;
}

/* Whether the `bytes` from p on touch out's rows, of which the last one may be shorter than the stride. */
static bool overlaps(const call *c, const void *p, size_t bytes)
{
    uintptr_t out = (uintptr_t)c->out, in = (uintptr_t)p;
    size_t out_bytes = ((c->f->n_fn - 1) * c->a.out_stride + c->a.n_points) * c->f->element;
    return bytes > 0 && in < out + out_bytes && out < in + bytes;
}

static tay_status check_overlap(const call *c)
{
    const tay_cfunc *f = c->f;
    const tay_cfunc_arguments *a = &c->a;
    size_t n = a->n_points, element = f->element;
    size_t in_bytes = f->n_vars ? ((f->n_vars - 1) * a->in_stride + n) * element : 0;
    size_t pars_bytes = f->n_pars == 0 ? 0
                        : a->shared_pars ? f->n_pars * element
                                         : ((f->n_pars - 1) * a->pars_stride + n) * element;
    size_t time_bytes = f->has_time ? (a->shared_time ? 1 : n) * element : 0;
    const char *name = overlaps(c, c->in, in_bytes)        ? "in"
                       : overlaps(c, a->pars, pars_bytes) ? "pars"
                       : overlaps(c, a->time, time_bytes) ? "time"
                                                          : NULL;
    if (!name) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "out: expected memory apart from the inputs, but it overlaps %s", name);
}

static tay_status check_call(call *c, const tay_cfunc_arguments *arguments)
{
    tay_status status = TAY_OK;
    const tay_cfunc *f = c->f;

    if (!arguments) TAY_FAIL(TAY_ERROR_ARGUMENT, "arguments: expected the number of points, got NULL");
    if (arguments->size != sizeof *arguments) {
        TAY_FAIL(TAY_ERROR_ARGUMENT, "arguments->size: expected %zu, got %zu", sizeof *arguments,
                 (size_t)arguments->size);
    }
    c->a = *arguments;
    size_t n = c->a.n_points;
    if (n == 0) return TAY_OK;
    if (!c->out) TAY_FAIL(TAY_ERROR_ARGUMENT, "out: expected room for %zu rows, got NULL", f->n_fn);
    if (f->n_vars && !c->in) TAY_FAIL(TAY_ERROR_ARGUMENT, "in: expected %zu rows, got NULL", f->n_vars);
    if (f->n_pars && !c->a.pars) {
        TAY_FAIL(TAY_ERROR_ARGUMENT, "pars: expected the values of %zu parameters, got NULL", f->n_pars);
    }
    if (f->has_time && !c->a.time) TAY_FAIL(TAY_ERROR_ARGUMENT, "time: the function depends on it, got NULL");
    TAY_TRY(fill_stride(&c->a.in_stride, n, f->n_vars, "in_stride", f->element));
    TAY_TRY(fill_stride(&c->a.out_stride, n, f->n_fn, "out_stride", f->element));
    if (!c->a.shared_pars) TAY_TRY(fill_stride(&c->a.pars_stride, n, f->n_pars, "pars_stride", f->element));
    TAY_TRY(check_overlap(c));
out:
    return status;
}

/* Full blocks by several threads, each of which takes the next ones. */
typedef struct shared_call {
    const call *c;
    size_t n_points, chunk; /* multiples of the lanes */
    _Atomic size_t next;
} shared_call;

static tay_status run_chunks(void *context, bool leads)
{
    shared_call *s = context;
    tay_status status = TAY_OK;
    (void)leads;

    while (status == TAY_OK) {
        size_t first = atomic_fetch_add(&s->next, s->chunk);
        if (first >= s->n_points) break;
        status = run_width(s->c, WIDE, first, s->n_points - first < s->chunk ? s->n_points - first : s->chunk);
    }
    return status;
}

/* Points by whole blocks of `block`. A thread must have work for much longer than it takes to start. */
static tay_status run_wide(const call *c, size_t n, size_t block)
{
    const tay_cfunc *f = c->f;
    size_t n_slots = tay__exec_program(f->widths[WIDE].exec)->n_slots;
    size_t points = (VALUES_PER_THREAD + n_slots - 1) / n_slots, n_threads = tay__count_threads(c->a.n_threads, n / points);
    size_t chunk = n / (8 * n_threads) / block * block;
    shared_call s = {.c = c, .n_points = n, .chunk = chunk < block ? block : chunk};

    if (n_threads == 1) return run_width(c, WIDE, 0, n);
    return tay__work_together(&(tay__work){.run = run_chunks, .context = &s}, n_threads);
}

tay_status tay_cfunc_eval(const tay_cfunc *f, void *out, const void *in, const tay_cfunc_arguments *arguments)
{
    call c = {.f = f, .out = out, .in = in};
    tay_status status = tay__check_pointer(f, "f");
    if (status == TAY_OK) status = check_call(&c, arguments);
    if (status != TAY_OK) return status;

    const tay__exec *wide = f->widths[WIDE].exec;
    size_t n = c.a.n_points;
    if (n > 1) tay__exec_expect_points(wide, n);
    size_t block = c.block = tay__exec_block(wide); /* once: another thread may make code meanwhile */
    if (n == 1 || n < block) return run_width(&c, SINGLE, 0, n);
    if (block > 0) { /* the last block, which is not whole, ends with the points */
        status = run_wide(&c, n - n % block, block);
        return status == TAY_OK && n % block > 0 ? run_width(&c, WIDE, n - block, block) : status;
    }
    /* What remains after the full blocks takes one more of them, or narrow ones where these are less work. */
    size_t rest = n % f->lanes[WIDE];
    if (rest > f->lanes[WIDE] / 2) rest = 0;
    status = run_wide(&c, n - rest, f->lanes[WIDE]);
    return status == TAY_OK ? run_width(&c, NARROW, n - rest, rest) : status;
}

size_t tay_cfunc_n_fn(const tay_cfunc *f)
{
    return f->n_fn;
}

size_t tay_cfunc_n_vars(const tay_cfunc *f)
{
    return f->n_vars;
}

size_t tay_cfunc_n_pars(const tay_cfunc *f)
{
    return f->n_pars;
}

bool tay_cfunc_has_time(const tay_cfunc *f)
{
    return f->has_time;
}

tay_real tay_cfunc_real(const tay_cfunc *f)
{
    return f->real;
}

tay_execution tay_cfunc_execution(const tay_cfunc *f)
{
    return tay__exec_execution(f->widths[WIDE].exec);
}

tay_status tay_cfunc_dump(char **out, const tay_cfunc *f)
{
    tay_status status = tay__check_pointer(f, "f");
    return status == TAY_OK ? tay__program_dump(out, tay__exec_program(f->widths[WIDE].exec)) : status;
}
