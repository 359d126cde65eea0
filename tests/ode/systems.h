/*
 * Systems of equations for the tests of the integrator, written in reverse Polish notation (support/rpn.h).
 */
#ifndef TAYRA_TESTS_SYSTEMS_H
#define TAYRA_TESTS_SYSTEMS_H

#include <math.h>

#include "support/check.h"
#include "support/rpn.h"
#include "tayra/ode.h"

enum { MAX_DIM = 6 };

typedef struct equations {
    const char *vars[MAX_DIM + 1], *rhs[MAX_DIM];
    double state[MAX_DIM];
} equations;

/* x'' = -9.8 sin x */
static const equations pendulum = {{"x", "v"}, {"v", "-9.8 x sin *"}, {0.05, 0.025}};
static const equations decay = {{"x"}, {"x neg"}, {1}};
static const equations oscillator = {{"x", "v"}, {"v", "x neg"}, {1, 0}};
/* x = 1 / (1 - t) */
static const equations blow_up = {{"x"}, {"x x *"}, {1}};
static const equations kepler = {{"x", "y", "u", "v"},
                                 {"u", "v", "x neg x x * y y * + -1.5 ** *", "y neg x x * y y * + -1.5 ** *"},
                                 {1, 0, 0, 1.2}};
/* The tutorial's linear system x' = A x + b. */
static const equations linear = {{"x1", "x2", "x3", "x4", "x5", "x6"},
                                 {"x4", "x5", "x6", "-2.5 x1 * 2 x2 * + -3.5 +",
                                  "2 x1 * -5.4 x2 * + 3.4 x3 * + 0.26 +", "3.4 x2 * -3.4 x3 * + 3.74 +"},
                                 {2, 0, 0, 1, 0, 0}};
/* Its solution, from
 *     from mpmath import mp, mpf, matrix, expm; mp.dps = 40     # M = [[A, b], [0, 0]] of the doubles' exact values
 *     expm(M * t, method='taylor') * matrix([2, 0, 0, 1, 0, 0, 1]) */
static const struct {
    double t, x[6];
} linear_solution[] = {
    {1, {-0.51315790322947204415, 1.4737263100732546119, 1.8734838174430975999, -4.3718899297545181051,
         1.6738690045381772906, 3.5897658788748993371}},
    {5, {1.3997331541482130938, 4.676510611534473827, 6.2498508562885016143, -4.2466516259579870487,
         2.3265098407549187161, 3.1725878905309907394}},
    {20, {1.061669960874606996, 3.2402322748813484858, 4.7322682307000609452, -4.2630649512031066845,
          2.4820993970380097377, 3.5624760721746927497}},
    {-3, {0.63528398006982152307, 1.5043585100009756864, 1.3721678019102336043, -4.7426335601002118895,
          -0.62532418620448976787, 2.635090786235568815}},
};

static inline tay_status try_make(tay_ode **out, const equations *e, const tay_ode_options *options)
{
    tay_expr *vars[MAX_DIM] = {0}, *rhs[MAX_DIM] = {0};
    size_t n = 0;
    tay_status status = TAY_OK;
    for (; e->vars[n] && status == TAY_OK; n++) {
        status = rpn_try(&vars[n], e->vars[n]);
        if (status == TAY_OK) status = rpn_try(&rhs[n], e->rhs[n]);
    }
    if (status == TAY_OK) {
        status = tay_ode_create(out, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, n, e->state, options);
    }
    for (size_t i = 0; i < n; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    return status;
}

static inline tay_ode *make_with(const equations *e, tay_ode_options options)
{
    tay_ode *ode;
    options.size = sizeof options;
    assert_ok(try_make(&ode, e, &options));
    return ode;
}

static inline tay_ode *make(const equations *e)
{
    return make_with(e, (tay_ode_options){0});
}

#define assert_close(a, b, tolerance) check_close(a, b, tolerance, __FILE__, __LINE__)

static inline void check_close(double a, double b, double tolerance, const char *file, int line)
{
    if (fabs(a - b) <= tolerance) return; /* false for NaN */
    print_error("%.17g is not within %g of %.17g\n", a, tolerance, b);
    _fail(file, line);
}

#endif
