/*
 * What tests of roots share: a call with memory that is as large as promised, polynomials from their roots, and how far
 * rounding may move values and roots.
 */
#ifndef TAYRA_TESTS_POLYNOMIALS_H
#define TAYRA_TESTS_POLYNOMIALS_H

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "event/event.h"
#include "support/check.h"

enum { MOST = 60 };

static double found[MOST];

/* Into found[]; memory is as large as promised and no larger, so that the address sanitizer sees what goes over its ends. */
static inline size_t find(const double *c, uint32_t degree, double begin)
{
    double *copy = malloc((degree + 1) * sizeof *copy), *roots = malloc(degree * sizeof *roots);
    double *scratch = malloc(tay__crossings_scratch(degree) * sizeof *scratch);
    assert_true(copy && scratch && (roots || degree == 0));
    memcpy(copy, c, (degree + 1) * sizeof *copy);
    memset(scratch, 0xff, tay__crossings_scratch(degree) * sizeof *scratch);
    size_t n = tay__find_crossings(roots, copy, degree, begin, scratch);
    assert_true(n <= degree);
    assert_memory_equal(copy, c, (degree + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        found[i] = roots[i];
        assert_true(found[i] >= begin && found[i] < 1);
        assert_true(i == 0 || found[i] > found[i - 1]);
    }
    free(copy), free(roots), free(scratch);
    return n;
}

/* p(x), and a bound of the errors of Horner's scheme and of rounded c, which may be next to 0. */
static inline long double exact(long double *noise, const double *c, uint32_t degree, double x)
{
    long double sum = 0, size = 0;
    for (uint32_t k = degree + 1; k-- > 0;) sum = sum * x + c[k], size = size * x + fabsl(c[k]);
    *noise = 2 * DBL_EPSILON * degree * size + DBL_TRUE_MIN;
    return sum;
}

/* c = factor prod_i (x - roots[i]). */
static inline void expand(double *c, const double *roots, uint32_t n, double factor)
{
    long double a[MOST + 1] = {factor};
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = i + 2; k-- > 0;) a[k] = (k > 0 ? a[k - 1] : 0) - (k <= i ? roots[i] * a[k] : 0);
    }
    for (uint32_t k = 0; k <= n; k++) c[k] = (double)a[k];
}

/* The i-th root found is `expected`, but for rounding. */
static inline void check_root(const double *c, uint32_t degree, size_t i, double expected)
{
    long double noise;
    exact(&noise, c, degree, expected);
    double tolerance = (double)(noise / fabsl(tay__polynomial_slope(c, degree, expected))) + 2 * DBL_EPSILON * expected;
    if (!(fabs(found[i] - expected) <= tolerance))
        fail_msg("root %zu is %.17g, not %.17g (tolerance %g)", i, found[i], expected, tolerance);
}

#endif
