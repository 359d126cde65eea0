/*
 * Sign changes of a polynomial p(x) = sum_k c[k] x^k, 0 <= x < 1, by Descartes' rule in Bernstein's basis [LaneRiesenfeld1981,
 * MourrainRouillierRoy2005]. With
 *
 *     p(l + t (r - l)) = sum_i b[i] C(d, i) t^i (1 - t)^(d - i)
 *
 * the number of sign changes in b is that of the roots in (l, r), or more by an even number: none and one are certain, anything
 * else is cut in halves by de Casteljau's scheme, until the interval or the b[i] are nothing but rounding.
 *
 * The signs of p at ends of intervals come from Horner's scheme alone: b[0] and b[d] are replaced by its values, which two
 * neighbours share. So no root is counted twice or lost at a cut, and an interval has an odd number of roots exactly where the
 * signs of its ends differ, however the other b[i] are rounded.
 */
#include "event/event.h"

#include <float.h>
#include <math.h>

/* A step is cut down to its 2^-52, and each piece on the stack is half as wide as the one below, but for rounding. */
enum { MOST_PIECES = 54, MOST_REFINEMENTS = 100 };

/*
 * Ends of intervals are not 0, so that they have a sign. Where p is 0 at a cut it is taken as positive, the same on both sides,
 * and ZERO says that it is the root. Where it is 0 at begin or at 1, b gets the sign that p has inside, and the size of BORDER:
 * these are no roots of the inside.
 */
#define ZERO DBL_MIN
#define BORDER (2 * DBL_MIN)

typedef struct search {
    const double *c;
    uint32_t degree;
    double *roots;
    size_t n_roots;
} search;

/* p(x), p'(x), and a bound of the rounding error of p, all by Horner's scheme. */
typedef struct local {
    double value, slope, error;
} local;

size_t tay__crossings_scratch(uint32_t degree)
{
    return MOST_PIECES * ((size_t)degree + 3) + degree + 1;
}

double tay__polynomial_slope(const double *c, uint32_t degree, double x)
{
    double sum = 0;
    for (uint32_t k = degree; k > 0; k--) sum = sum * x + k * c[k];
    return sum;
}

double tay__polynomial_value(const double *c, uint32_t degree, double x)
{
    double sum = c[degree];
    for (uint32_t k = degree; k-- > 0;) sum = sum * x + c[k];
    return sum;
}

/* With the running error bound of [Higham2002, algorithm 5.1]; x >= 0. */
static local evaluate_closely(const double *c, uint32_t degree, double x)
{
    double value = c[degree], slope = 0, error = fabs(value) / 2;
    for (uint32_t k = degree; k-- > 0;) {
        slope = slope * x + value;
        value = value * x + c[k];
        error = error * x + fabs(value);
    }
    return (local){value, slope, DBL_EPSILON / 2 * (2 * error - fabs(value))};
}

/*
 * Whether p certainly has no root in [0, 1]: with the sums s[k] = c[0] + ... + c[k],
 *
 *     p(x) = (1 - x) (s[0] + s[1] x + ... + s[d-1] x^(d-1)) + s[d] x^d
 *
 * is a mean of them with positive weights. The margin is for the errors of the sums, at most d u |c|_1 with u = 2^-53, and of
 * Horner's scheme, at most 2 d u |c|_1 [Higham2002, section 5.1], where |c|_1 <= (2 d + 1) max |s|. Where a sum overflows, or is
 * not a number after that, `low` or `high` is infinite and nothing is excluded.
 */
static bool excluded(const double *c, uint32_t degree)
{
    double sum = c[0], low = sum, high = sum, margin = 4 * DBL_EPSILON * degree * (degree + 1);
    for (uint32_t k = 1; k <= degree; k++) {
        sum += c[k];
        low = sum < low ? sum : low;
        high = sum > high ? sum : high;
    }
    return low > margin * high || -high > margin * -low;
}

/* c; times a power of 2, in `scaled`, where sums might overflow or products with small numbers underflow; NULL if all are 0. */
static const double *scale(double *scaled, const double *c, uint32_t degree)
{
    double most = 0;
    for (uint32_t k = 0; k <= degree; k++) most = fabs(c[k]) > most ? fabs(c[k]) : most;
    if (most == 0) return NULL;
    if (most > 0x1p-400 && most < 0x1p900) return c;
    for (uint32_t k = 0; k <= degree; k++) scaled[k] = most < 1 ? c[k] * 0x1p600 : c[k] * 0x1p-200;
    return scaled;
}

/* b[i] = sum_{k<=i} C(i, k) / C(d, k) c[k], for the interval [0, 1]; Pascal's triangle makes the sums, without a subtraction. */
static void to_bernstein(double *restrict b, const double *restrict c, uint32_t degree)
{
    double weight = 1; /* 1 / C(d, k) */
    b[0] = c[0];
    for (uint32_t k = 1; k <= degree; k++) {
        weight *= (double)k / (double)(degree - k + 1);
        b[k] = weight * c[k];
    }
    for (uint32_t k = 1; k <= degree; k++) {
        double before = b[k - 1];
        for (uint32_t i = k; i <= degree; i++) {
            double sum = b[i] + before;
            before = b[i];
            b[i] = sum;
        }
    }
}

/* de Casteljau's scheme: b becomes that of what is behind t (0 < t < 1); `left`, if not NULL, that of what is before. */
static void split(double *restrict left, double *restrict b, uint32_t degree, double t)
{
    double s = 1 - t;
    for (uint32_t k = 0; k < degree; k++) {
        if (left) left[k] = b[0];
        for (uint32_t i = 0; i < degree - k; i++) b[i] = s * b[i] + t * b[i + 1];
    }
    if (left) left[degree] = b[0];
}

/* How often the sign changes in b, where zeros are left out. */
static uint32_t count_changes(const double *b, uint32_t degree)
{
    uint32_t n = 0;
    double last = b[0];
    for (uint32_t i = 1; i <= degree; i++) {
        if (b[i] == 0) continue;
        n += (b[i] < 0) != (last < 0);
        last = b[i];
    }
    return n;
}

/* The error of p at x by Horner's scheme: at most 2 d u sum_k |c[k]| x^k [Higham2002, section 5.1]. */
static double noise(const search *s, double x)
{
    double sum = 0;
    for (uint32_t k = s->degree + 1; k-- > 0;) sum = sum * x + fabs(s->c[k]);
    return DBL_EPSILON * s->degree * sum;
}

/*
 * Whether |p| is less than its error all over an interval: its b[i] are bounds of p, and the error is least at the left end. The
 * errors of the b[i] are like those of p: before rounding they are at most sum_k |c[k]| r^k with the right end r, soon the same.
 */
static bool is_noise(const search *s, const double *b, double left)
{
    double most = 0;
    for (uint32_t i = 0; i <= s->degree; i++) most = fabs(b[i]) > most ? fabs(b[i]) : most;
    return most <= noise(s, left);
}

/*
 * The root in (left, right), at whose ends p has different signs: Newton's method, and bisection where that leaves the interval
 * or does not halve its step [Press2007, section 9.4]. Where p is not more than its rounding error, one step more is the last,
 * and is taken if it does good: at a multiple root it may lead anywhere.
 * Numbers stay finite, as c is scaled; a step of any size that is not into the interval, or is not a number, becomes a bisection.
 */
static double refine(const search *s, double left, double right, bool left_negative, double x)
{
    double step_before = right - left;
    for (int i = 0; i < MOST_REFINEMENTS; i++) {
        if (!(x > left && x < right)) x = left + (right - left) / 2;
        if (!(x > left && x < right)) return right < 1 ? right : left;
        local p = evaluate_closely(s->c, s->degree, x);
        if (p.value == 0) return x;
        *((p.value < 0) == left_negative ? &left : &right) = x;
        double next = x - p.value / p.slope, step = fabs(next - x);
        bool inside = next > left && next < right;
        if (fabs(p.value) <= p.error)
            return inside && fabs(tay__polynomial_value(s->c, s->degree, next)) <= fabs(p.value) ? next : x;
        if (step == 0) return x;
        if (!(inside && step <= step_before / 2)) {
            next = left + (right - left) / 2;
            step = fabs(next - x);
        }
        step_before = step;
        x = next;
    }
    return x;
}

/* The root in [left, right] where the signs of the ends differ; the first guess is where the polygon of the b[i] crosses 0. */
static double find_root(const search *s, const double *b, double left, double right)
{
    uint32_t i = 0, j = 1;
    for (; j < s->degree && (b[j] == 0 || (b[j] < 0) == (b[i] < 0)); j++) {
        if (b[j] != 0) i = j;
    }
    if (i == 0 && b[i] == ZERO) return left;
    if (j == s->degree && b[j] == ZERO && right < 1) return right;
    double at = (i + (j - i) * (b[i] / (b[i] - b[j]))) / s->degree;
    return refine(s, left, right, b[0] < 0, left + at * (right - left));
}

/*
 * Two changes at the same place are none (p touches 0 at a cut), and so are two more than the degree allows, which only rounding
 * makes: either way a pair goes, and the number stays even or odd.
 */
static void add_root(search *s, double root)
{
    if (s->n_roots > 0 && (s->n_roots == s->degree || s->roots[s->n_roots - 1] == root)) s->n_roots--;
    else s->roots[s->n_roots++] = root;
}

/* All roots, from left to right. Piece i of a stack of MOST_PIECES has all_b[i (degree + 1) ...], all_ends[2 i] and [2 i + 1]. */
static void search_pieces(search *s, double *all_ends, double *all_b)
{
    size_t width = (size_t)s->degree + 1;
    for (size_t n = 1; n > 0;) {
        double *b = all_b + (n - 1) * width, *ends = all_ends + 2 * (n - 1);
        double left = ends[0], right = ends[1], middle = left + (right - left) / 2;
        uint32_t n_changes = count_changes(b, s->degree);
        bool wide = right - left > DBL_EPSILON && left < middle && middle < right && n < MOST_PIECES;

        if (n_changes >= 2 && wide && !is_noise(s, b, left)) {
            double value = tay__polynomial_value(s->c, s->degree, middle);
            split(b + width, b, s->degree, 0.5);
            b[0] = b[2 * width - 1] = value == 0 ? ZERO : value;
            ends[0] = ends[3] = middle;
            ends[2] = left;
            n++;
        } else {
            if (n_changes % 2 == 1) add_root(s, find_root(s, b, left, right));
            n--;
        }
    }
}

/*
 * An end b[at] that is 0 becomes BORDER with the sign that p has inside: that of the nearest b[i] that is more than `error`, so
 * that a multiple zero does not seem to have others beside it; if none is, of the nearest that is not 0.
 */
static void set_border(double *b, uint32_t degree, uint32_t at, double error)
{
    for (; b[at] == 0 && error >= 0; error = error > 0 ? 0 : -1) {
        for (uint32_t k = 1; b[at] == 0 && k <= degree; k++) {
            double inside = b[at == 0 ? k : degree - k];
            if (fabs(inside) > error) b[at] = copysign(BORDER, inside);
        }
    }
}

size_t tay__find_crossings(double *roots, const double *c, uint32_t degree, double begin, double *scratch)
{
    search s = {.degree = degree, .roots = roots};
    double *ends = scratch + degree + 1, *b = ends + 2 * MOST_PIECES;

    if (degree == 0 || excluded(c, degree)) return 0;
    s.c = scale(scratch, c, degree);
    if (!s.c) return 0;
    to_bernstein(b, s.c, degree);
    if (begin > 0) split(NULL, b, degree, begin);
    b[0] = begin > 0 ? tay__polynomial_value(s.c, degree, begin) : s.c[0];
    b[degree] = tay__polynomial_value(s.c, degree, 1);
    if (b[degree] == 0) set_border(b, degree, degree, noise(&s, 1));
    if (b[degree] == 0) return 0;
    if (begin == 0 && b[0] == 0 && c[0] != 0) b[0] = copysign(BORDER, c[0]); /* lost when c was scaled */
    if (b[0] == 0) {
        roots[s.n_roots++] = begin;
        set_border(b, degree, 0, begin > 0 ? noise(&s, 1) : 0); /* the first b[i] is exact at 0 */
    }
    ends[0] = begin;
    ends[1] = 1;
    search_pieces(&s, ends, b);
    return s.n_roots;
}
