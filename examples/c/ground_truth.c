/*
 * The observations that the tutorial "neural ODE" learns from: a linear system x' = A x + b of three masses on springs,
 * integrated over 20 units of time and written down at 1000 times.
 *
 *     cc ground_truth.c -ltayra -o ground_truth && ./ground_truth
 *
 * With positions q and velocities v it reads q' = v, v' = K q + f. K is symmetric, so the energy
 *     E = (v.v - q.K q) / 2 - f.q
 * does not change: the program checks that, and that integrating back ends where it began. It returns 1 if they are
 * wrong.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <tayra.h>

enum { DIM = 6, HALF = DIM / 2, N_TIMES = 1000 };

static const double A[DIM][DIM] = {
    {0, 0, 0, 1, 0, 0},      {0, 0, 0, 0, 1, 0},         {0, 0, 0, 0, 0, 1},
    {-2.5, 2, 0, 0, 0, 0},   {2, -5.4, 3.4, 0, 0, 0},    {0, 3.4, -3.4, 0, 0, 0},
};
static const double b[DIM] = {0, 0, 0, -3.5, 0.26, 3.74};
static const double start[DIM] = {2, 0, 0, 1, 0, 0};

/* Ends the program with the library's message. */
static void check(tay_status status)
{
    if (status == TAY_OK) return;
    fprintf(stderr, "%s: %s\n", tay_status_name(status), tay_error_message());
    exit(1);
}

/* sum_j A_ij x_j + b_i */
static tay_expr *row(size_t i, tay_expr *const *x)
{
    tay_expr *terms[DIM + 1], *sum;
    for (size_t j = 0; j <= DIM; j++) {
        tay_expr *number;
        check(tay_expr_number(&number, j < DIM ? A[i][j] : b[i]));
        if (j == DIM) {
            terms[j] = number;
        } else {
            check(tay_expr_mul(&terms[j], number, x[j]));
            tay_expr_unref(number);
        }
    }
    check(tay_expr_sum(&sum, (const tay_expr *const *)terms, DIM + 1));
    for (size_t j = 0; j <= DIM; j++) tay_expr_unref(terms[j]);
    return sum;
}

static tay_ode *make_integrator(void)
{
    tay_expr *x[DIM], *rhs[DIM];
    for (size_t i = 0; i < DIM; i++) {
        char name[16];
        snprintf(name, sizeof name, "x_%zu", i + 1);
        check(tay_expr_variable(&x[i], name));
    }
    for (size_t i = 0; i < DIM; i++) rhs[i] = row(i, x);

    tay_ode *ode;
    tay_ode_options options = {.size = sizeof options, .tolerance = 1e-18};
    check(tay_ode_create(&ode, (const tay_expr *const *)x, (const tay_expr *const *)rhs, DIM, start, &options));
    for (size_t i = 0; i < DIM; i++) {
        tay_expr_unref(x[i]);
        tay_expr_unref(rhs[i]);
    }
    return ode;
}

static double energy(const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < HALF; i++) {
        const double *q = x, *v = x + HALF;
        sum += v[i] * v[i] / 2 - b[HALF + i] * q[i];
        for (size_t j = 0; j < HALF; j++) sum -= q[i] * A[HALF + i][j] * q[j] / 2;
    }
    return sum;
}

int main(void)
{
    static double times[N_TIMES], states[N_TIMES][DIM];
    for (size_t i = 0; i < N_TIMES; i++) times[i] = 20.0 * (double)i / (N_TIMES - 1);

    tay_ode *ode = make_integrator();
    tay_ode_result result;
    size_t n_rows;
    check(tay_ode_propagate_grid(&result, *states, &n_rows, ode, &(tay_grid){times, N_TIMES}, NULL));

    double drift = 0, back = 0;
    for (size_t i = 0; i < n_rows; i++) drift = fmax(drift, fabs(energy(states[i]) - energy(start)));
    check(tay_ode_propagate_until(NULL, ode, 0, NULL));
    for (size_t i = 0; i < DIM; i++) back = fmax(back, fabs(tay_ode_state(ode)[i] - start[i]));
    tay_ode_free(ode);

    printf("%zu states in %zu steps (%s); largest change of the energy %.1e, error after integrating back %.1e\n",
           n_rows, result.n_steps, tay_outcome_name(result.outcome), drift, back);
    printf("x(20) = %.15g %.15g %.15g\n", states[N_TIMES - 1][0], states[N_TIMES - 1][1], states[N_TIMES - 1][2]);
    return n_rows == N_TIMES && drift < 1e-12 && back < 1e-12 ? 0 : 1;
}
