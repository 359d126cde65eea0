/*
 * Programs: expressions lowered to few primitives, rolled into groups (loops).
 *
 * A value is a jet u_0, u_1, ..., u_K (u_n = u^(n)/n!) in a slot; each is made by one primitive, for n = 0..K:
 *
 *     linear    y_n = [n=0] c + sum_k c_k a_{k,n}
 *     product   y_n = [n=0] c + sum_k c_k sum_{j=0..n} a_{k,j} b_{k,n-j}
 *     quotient  y_n = (a_n - sum_{j=1..n} b_j y_{n-j}) / b_0
 *     power     y_n = 1/(n a_0) sum_{j=0..n-1} (n p - j (p+1)) a_{n-j} y_j       [Knuth, TAOCP 2, 4.7 eq. 9]
 *     integral  y_0 = f(a_1, ...); y_n = 1/n sum_k sum_{j=1..n} j a_{k,j} g_{k,n-j}, g_k = df/da_k
 *     choice    y_0 = f(a_1, ...); y_n = a branch of a_n, or 0, as decided by the order 0
 *     state     y_0 given; y_n = f_{n-1} / n                                       (x' = f)
 *
 * Groups have rows: runs of members in which every operand moves by a stride of 0 or 1 slots; or, where no such runs are
 * found, one row with a table of indices. Groups stand in stages: the strongly connected parts of the program (what feeds
 * back through x' = f or through a function's derivative), in order; each runs over all orders before the next begins.
 * Where the rows of a stage line up in columns that do not mix, the stage runs in blocks of columns.
 */
#ifndef TAY__PROGRAM_H
#define TAY__PROGRAM_H

#include "expr/expr.h"

typedef enum tay__primitive {
    TAY__INPUT, /* variables of a compiled function, the time: (t, 1, 0, ...) */
    TAY__LINEAR,
    TAY__PRODUCT,
    TAY__QUOTIENT,
    TAY__POWER,
    TAY__INTEGRATE,
    TAY__CHOICE,
    TAY__STATE
} tay__primitive;

/* How an operand moves with the member: not at all, to the next slot, or through the table. */
typedef enum tay__stride { TAY__SHARED = 0, TAY__CONTIGUOUS = 1, TAY__GATHER = 2 } tay__stride;

/* A row: members first, first + 1, ..., first + length - 1 (slots). */
typedef struct tay__row {
    int32_t first, length;
    int32_t column; /* the column of its first member, in a stage with columns */
    int32_t tile;   /* rows from this one on that share their b operands, length and column (product, shared a): 1 or more */
} tay__row;

typedef struct tay__group {
    tay__primitive primitive;
    tay_function function;  /* integral, choice */
    uint32_t n_terms;       /* linear, product: terms; integral: arguments; choice: arguments; others: 1 */
    uint32_t n_rows, n_members;
    tay__stride a_stride, b_stride;
    bool square;            /* product: b_k is a_k in every member */
    bool has_coefs;         /* linear, product: false means that all c_k are 1 */
    bool has_constant;      /* linear, product: there is a c */
    bool varying_coefs;     /* the coefficients differ from member to member (else from row to row) */
    double exponent;        /* power */
    const tay__row *rows;
    /* Slots of the operands of the first member of row r: a[r * n_terms + k]. With TAY__GATHER there is one row, and
     * member m's are a[k * pitch + m], m < pitch (a multiple of TAY__PITCH; the last ones repeat). b: the second factor
     * (product), the divisor (quotient), the derivative g_k (integral). NULL where the primitive has none. */
    const int32_t *a, *b;
    int32_t pitch; /* 0 without a table */
    /* Not 0, a table: each operand moves to the next slot in this many members, from each multiple of it on (exec/pieces.c). */
    int32_t piece;
    uint32_t n_ones; /* then: the coefficients of the first so many terms are 1 in all members */
    /* Where the coefficients stand in the packed array. varying: member m of row r, term k is at
     * coefs + (offset of r) + k * width(r) + m, where width(r) is the row's length (pitch with TAY__GATHER); else
     * coefs + r * n_terms + k. The offset of row r is n_terms * (members in the rows before). Constants: one per member,
     * constants + (members in the rows before) + m. */
    size_t coefs, constants;
    const uint32_t *offset; /* [n_rows] members in the rows before */
    /* A transient group's coefficients are read at the order at which they are made (linear) or at the next (state) only,
     * by groups of its own stage: they may all be written to the plane of order 0 and stay in the cache. For linear and
     * state, a_transient[k] says whether operand k is transient, in all rows (NULL: none is). */
    bool transient;
    const uint8_t *a_transient;
    /* Not 0 in bound groups only (exec/start.c): the sums start from coefficient 0 of slot start + (members in the rows before)
     * + m, at all orders. */
    int32_t start;
} tay__group;

enum { TAY__PITCH = 16 };

typedef struct tay__stage {
    const tay__group *groups;
    uint32_t n_groups;
    bool recurrent;    /* feeds back through lower orders: order by order through all groups; else group by group */
    int32_t n_columns; /* > 0: columns do not mix; the stage can run by blocks of columns */
} tay__stage;

/* n packed coefficients from `first` on, of which number i is in slot slot + i step of the prologue. */
typedef struct tay__span {
    uint32_t first, n;
    int32_t slot, step;
} tay__span;

/*
 * A program. Slots: inputs first (state i or variable i has slot i), then, without jets, parameters; time; the values. The
 * packed coefficients are numbers and values of the prologue: packed[i] = coefficient[packed_from[i]], where
 * coefficient[] holds the n_numbers numbers, then the outputs of the prologue.
 */
typedef struct tay__program {
    uint32_t n_inputs, n_pars, n_outputs;
    bool jets, reversible;
    uint32_t n_slots;   /* with room behind for a vector that runs over */
    int32_t time_slot;  /* -1: none */
    int32_t par_slot;   /* slot of parameter 0 (without jets), else -1 */
    uint32_t *outputs;  /* [n_outputs] slots; NULL where output i is the derivative of input i */
    tay__stage *stages;
    uint32_t n_stages;
    double *numbers;
    size_t n_numbers;
    uint32_t *packed_from;
    size_t n_packed;
    tay__span *spans; /* [n_spans] of all that are outputs of the prologue */
    size_t n_spans;
    struct tay__program *prologue; /* values that depend on parameters alone, as outputs of its inputs p0, p1, ...; or NULL */
    tay__array allocations;        /* of void *, all that is freed with the program */
} tay__program;

typedef struct tay__program_spec {
    const tay_expr *const *inputs; /* distinct variables */
    size_t n_inputs;
    const tay_expr *const *outputs; /* with jets that are not given: d inputs[i] / dt, n_outputs == n_inputs */
    size_t n_outputs;
    bool jets;
    bool given; /* the inputs' jets are, and the outputs' are wanted */
    bool reversible; /* the prologue, too, has the derivatives of its functions: for cotangents */
    size_t memory_limit; /* bytes the program and its tables may take; 0: none */
} tay__program_spec;

/* Lowers and rolls. Errors name the variable that is unknown, ... */
tay_status tay__program_create(tay__program **out, const tay__program_spec *spec);
void tay__program_free(tay__program *program);
/* Marks how many rows from each on can run as one tile; all are marked as 1 before. */
void tay__find_tiles(const tay__group *g);
/* Text for people: groups, rows, operands; free with tay__free. */
tay_status tay__program_dump(char **out, const tay__program *program);
/* TAY_OK, or which invariant is broken (used by tests and debug builds between passes). */
tay_status tay__program_verify(const tay__program *program);

#endif
