/*
 * The number of roots found against the signs of the polynomial in long doubles: random polynomials, Chebyshev's, and numbers
 * near the ends of the range.
 */
#include "polynomials.h"

enum { N_POLYNOMIALS = 20000 };

/* Between samples where p is more than rounding the number of roots is odd just where their signs differ. */
static void check_samples(const double *c, uint32_t degree, double begin, size_t n, int n_samples)
{
    int sign = 0;
    size_t before = 0, at = 0;
    for (int i = 0; i <= n_samples; i++) {
        double x = i < n_samples ? begin + (1 - begin) * i / n_samples : 1;
        long double noise, value = exact(&noise, c, degree, x);
        for (; at < n && found[at] < x; at++);
        if (fabsl(value) <= 2 * noise) continue;
        if (sign != 0 && (at - before) % 2 != (sign != (value < 0 ? -1 : 1)))
            fail_msg("%zu roots before %g do not fit the signs; degree %u, begin %g", at, x, (unsigned)degree, begin);
        sign = value < 0 ? -1 : 1;
        before = at;
    }
}

/*
 * T_n(2 x - 1), with its n roots in (0, 1). Rounded coefficients leave more and more of it to chance, from 1 on; at the degree of
 * 40 only the roots near 0 are certain.
 */
static void chebyshev(void **state)
{
    (void)state;
    double t[3][MOST + 1] = {{1}, {-1, 2}};
    for (uint32_t n = 2; n <= 40; n++) {
        double *next = t[n % 3];
        const double *one = t[(n + 2) % 3], *two = t[(n + 1) % 3];
        for (uint32_t k = 0; k <= n; k++) next[k] = (k > 0 ? 4 * one[k - 1] : 0) - 2 * one[k] - two[k];
        size_t n_found = find(next, n, 0);
        check_samples(next, n, 0, n_found, 1000);
        if (n > 13) continue;
        assert_int_equal(n_found, n);
        for (uint32_t k = 0; k < n; k++) check_root(next, n, k, 0.5 * (1 - cos(M_PI * (k + 0.5) / n)));
        assert_int_equal(find(next, n, 0.5), (n + 1) / 2);
        assert_int_equal(find(next, n, 0.500001), n / 2);
    }
}

/* Nothing but a result in range, and the right parity, is asked of these. */
static void extreme_numbers(void **state)
{
    (void)state;
    static const double sizes[] = {0, DBL_MAX, -DBL_MAX, 1e300, -1e300, 1, -1, 1e-300, DBL_MIN, -DBL_TRUE_MIN, DBL_TRUE_MIN};
    enum { N = sizeof sizes / sizeof *sizes };
    for (int m = 0; m < N * N * N * N; m++) {
        double c[4] = {sizes[m % N], sizes[m / N % N], sizes[m / (N * N) % N], sizes[m / (N * N * N)]};
        size_t n = find(c, 3, 0);
        long double noise, end = exact(&noise, c, 3, 1);
        if (c[0] != 0 && fabsl(end) > noise) assert_int_equal(n % 2, (c[0] < 0) != (end < 0));
        find(c, 3, 0.3);
        find(c, 3, 1 - DBL_EPSILON / 2);
    }
    for (double root = 0.1; root > 1e-15; root /= 10) { /* flat up to the root, by Newton's standards */
        double c[21] = {-pow(root, 20), [20] = 1};
        assert_int_equal(find(c, 20, 0), 1);
        assert_true(fabs(found[0] - root) < 8 * DBL_EPSILON * root + 1e-18);
    }
}

static uint64_t seed = 12345;

static double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) * 0x1p-53;
}

/* Random coefficients that grow or shrink, or roots of which some lie close to each other; in the half of these, on a grid. */
static void make(double *c, uint32_t degree)
{
    double roots[MOST], kind = uniform(), factor = exp2(2 * uniform() - 1), size = exp2(600 * uniform() - 300);
    for (uint32_t k = 0; kind < 0.5 && k <= degree; k++, size *= factor) c[k] = (2 * uniform() - 1) * size;
    if (kind < 0.5) return;
    for (uint32_t k = 0; k < degree; k++) {
        roots[k] = k > 0 && uniform() < 0.2 ? roots[k - 1] + exp2(-40 * uniform()) : 4 * uniform() - 2;
        if (kind > 0.75) roots[k] = nearbyint(64 * roots[k]) / 64;
    }
    expand(c, roots, degree, size);
}

static void random_polynomials(void **state)
{
    (void)state;
    size_t n_roots = 0;
    for (int i = 0; i < N_POLYNOMIALS; i++) {
        double c[MOST + 1], begin = uniform() < 0.7 ? 0 : uniform();
        uint32_t degree = 1 + (uint32_t)(uniform() * 30);
        make(c, degree);
        size_t n = find(c, degree, begin);
        for (size_t k = 0; k < n; k++) {
            long double noise, value = exact(&noise, c, degree, found[k]);
            if (fabsl(value) > noise) fail_msg("polynomial %d: p(%.17g) is %Lg, noise %Lg", i, found[k], value, noise);
        }
        check_samples(c, degree, begin, n, i % 50 ? 30 : 2000);
        n_roots += n;
    }
    assert_true(n_roots > N_POLYNOMIALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chebyshev), cmocka_unit_test(extreme_numbers), cmocka_unit_test(random_polynomials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
