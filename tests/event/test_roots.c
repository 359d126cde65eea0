/*
 * Sign changes of polynomials with known roots, at several scales and beginnings: simple ones, series of sines, zeros that touch
 * or stand where intervals are cut or end; and polynomials without roots.
 */
#include "polynomials.h"

static const double scales[] = {1, -1, 3e-5, 1e300, -1e-300, 0x1p900, 0x1p-400, -1e-310}, begins[] = {0, 0.25, 0.4, 0.5, 0.97};
enum { N_SCALES = sizeof scales / sizeof *scales, N_BEGINS = sizeof begins / sizeof *begins };

static bool is_power(double scale)
{
    int exponent;
    return fabs(frexp(scale, &exponent)) == 0.5;
}

/* Where c is rounded, a root at one of the ends may be on either side of it. */
static bool is_certain(const double *roots, uint32_t n, double scale, double begin)
{
    bool is_at_end = false, is_rounded = !is_power(scale);
    for (uint32_t k = 0; k < n; k++) {
        is_at_end |= roots[k] == begin || roots[k] == 1;
        is_rounded |= fmod(roots[k], 0x1p-6) != 0;
    }
    return !(is_at_end && is_rounded) && (n == 1 || fabs(scale) > 1e-308);
}

static void known_roots(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        double at[12]; /* ascending */
    } cases[] = {
        {1, {0.3}}, {1, {0.5}}, {1, {0}}, {1, {1}}, {1, {-0.5}}, {1, {1.5}}, {1, {1e-9}}, {1, {1e-200}}, {1, {1 - 0x1p-30}},
        {2, {0.2, 0.7}}, {2, {-0.2, 0.7}}, {2, {0, 0.5}}, {2, {0.5, 1}}, {2, {0, 1}}, {2, {1, 1}}, {2, {0.3, 0.3 + 1e-6}},
        {2, {1e-10, 2e-10}}, {2, {0.5, 0.5 + 0x1p-20}}, {2, {0, 1e-12}}, {3, {0.25, 0.5, 0.75}}, {3, {0.25, 0.5, 1}},
        {3, {0.125, 0.375, 0.5}}, {3, {0.1, 0.11, 0.12}}, {5, {-1, 0.1, 0.5, 0.9, 2}}, {4, {0.5, 0.625, 0.75, 0.875}},
        {6, {0.0625, 0.25, 0.5, 0.5625, 0.75, 1}}, {8, {0.05, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.1}},
        {12, {-3, -2, -1, -0.5, 0.02, 0.3, 0.55, 0.8, 1.2, 1.3, 4, 8}},
    };
    for (size_t m = 0; m < N_SCALES * N_BEGINS * sizeof cases / sizeof *cases; m++) {
        size_t i = m / (N_SCALES * N_BEGINS), n_expected = 0;
        double c[MOST + 1], begin = begins[m % N_BEGINS], scale = scales[m / N_BEGINS % N_SCALES];
        if (!is_certain(cases[i].at, cases[i].n, scale, begin)) continue;
        expand(c, cases[i].at, cases[i].n, scale);
        size_t n = find(c, cases[i].n, begin);
        for (uint32_t k = 0; k < cases[i].n; k++) {
            if (cases[i].at[k] < begin || cases[i].at[k] >= 1) continue;
            if (n_expected < n) check_root(c, cases[i].n, n_expected, cases[i].at[k]);
            n_expected++;
        }
        if (n != n_expected) fail_msg("case %zu, scale %g, begin %g: %zu roots", i, scale, begin, n);
    }
}

/* The series of sin(w x - phase). */
static void sine(double *c, uint32_t degree, double w, double phase)
{
    double derivatives[4] = {-sin(phase), cos(phase), sin(phase), -cos(phase)}, factor = 1;
    for (uint32_t k = 0; k <= degree; k++) {
        c[k] = factor * derivatives[k % 4];
        factor *= w / (k + 1);
    }
}

static void sines(void **state)
{
    (void)state;
    static const struct {
        uint32_t degree;
        double w, tolerance;
    } cases[] = {{20, 0.4, 1e-15}, {20, 1.5, 1e-15}, {20, 2.5, 1e-11}, {30, 6, 1e-9}, {60, 12, 1e-10}, {60, 3, 1e-14}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (double phase = 0; phase < 3.1; phase += 0.22) {
            double c[MOST + 1], w = cases[i].w;
            sine(c, cases[i].degree, w, phase);
            size_t n = find(c, cases[i].degree, 0);
            assert_int_equal(n, w > phase ? (size_t)((w - phase) / M_PI) + 1 : 0);
            for (size_t k = 0; k < n; k++) assert_true(fabs(found[k] - (phase + k * M_PI) / w) <= cases[i].tolerance);
        }
    }
}

/* A double zero is none, or two beside each other; at a cut, where nothing is rounded, it is none. A triple one is one. */
static void multiple_roots(void **state)
{
    (void)state;
    static const double places[] = {0.5, 0.25, 0.75, 1.0 / 3, 0.1, 0.01, 0.9, 0.99, 0.7, 0.6180339887498949};
    for (size_t m = 0; m < 10 * (N_SCALES - 1) * 5 * 3; m++) {
        uint32_t multiplicity = 2 + m % 5, degree = multiplicity + m / 5 % 3;
        double r = places[m / 15 % 10], scale = scales[m / 150], roots[8] = {r, r, r, r, r, r}, c[MOST + 1];
        roots[multiplicity] = -0.4, roots[multiplicity + 1] = 1.7;
        expand(c, roots, degree, scale);
        size_t n = find(c, degree, 0);
        assert_int_equal(n % 2, multiplicity % 2);
        if (m / 15 % 10 < 3 && is_power(scale) && degree == multiplicity) assert_int_equal(n, multiplicity % 2);
        for (size_t k = 0; k < n; k++) assert_true(fabs(found[k] - r) <= 4 * pow(1e-14, 1.0 / multiplicity));
    }
    for (double gap = 1e-7; gap > 1e-17; gap /= 10) { /* between the roots p is rounding, at last; below 0 they are not real */
        double c[3] = {0.09 - gap * gap, -0.6, 1}, above[3] = {0.09 + gap * gap + 1e-16, -0.6, 1};
        assert_int_equal(find(c, 2, 0) % 2, 0);
        assert_int_equal(find(above, 2, 0) % 2, 0);
    }
}

/* A zero at begin counts once, whatever its multiplicity; what follows counts as ever. */
static void zero_at_begin(void **state)
{
    (void)state;
    for (uint32_t multiplicity = 1; multiplicity <= 4; multiplicity++) {
        for (double begin = 0; begin < 1; begin += 0.25) {
            for (int sign = -1; sign <= 1; sign += 2) {
                double roots[6] = {begin, begin, begin, begin}, c[MOST + 1];
                roots[multiplicity] = 1, roots[multiplicity + 1] = 0.875;
                for (uint32_t others = 0; others <= 2; others++) {
                    expand(c, roots, multiplicity + others, sign);
                    assert_int_equal(find(c, multiplicity + others, begin), others < 2 ? 1 : 2);
                    assert_true(found[0] == begin);
                }
                check_root(c, multiplicity + 2, 1, 0.875);
            }
        }
    }
}

/* A zero at 1 does not count, whatever its multiplicity, nor does the rounding beside it; c is exact. */
static void zero_at_1(void **state)
{
    (void)state;
    for (int i = 1; i < 64; i++) {
        for (uint32_t n = 2; n <= 6; n++) {
            double roots[6] = {i / 64.0, -(i % 7) - 1, 1, 1, 1, 1}, c[MOST + 1];
            expand(c, roots, n, 1);
            assert_int_equal(find(c, n, 0), 1);
            check_root(c, n, 0, roots[0]);
        }
    }
}

static void no_roots(void **state)
{
    (void)state;
    static const double c[][5] = {{0}, {1}, {-1}, {DBL_MAX}, {-DBL_TRUE_MIN}, {1, 1, 1, 1, 1}, {1, -1, 1, -1, 1}, {-1e300, 1e299},
                                  {1, 0, 0, 0, -1}, {1, -3.9, 3.9}, {DBL_MAX, DBL_MAX, DBL_MAX}, {1e-320, 0, 1e-322}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        for (uint32_t degree = i < 5 ? 0 : 4; degree <= 4; degree++) {
            for (size_t k = 0; k < N_BEGINS; k++) assert_int_equal(find(c[i], degree, begins[k]), 0);
        }
    }
}

static void slopes(void **state)
{
    (void)state;
    const double c[4] = {5, 3, -2, 4};
    for (double x = -2; x < 2; x += 0.25) assert_true(tay__polynomial_slope(c, 3, x) == 3 - 4 * x + 12 * x * x);
    assert_true(tay__polynomial_slope(c, 0, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),   cmocka_unit_test(sines),     cmocka_unit_test(multiple_roots),
        cmocka_unit_test(zero_at_begin), cmocka_unit_test(zero_at_1), cmocka_unit_test(no_roots),
        cmocka_unit_test(slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
