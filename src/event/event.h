/*
 * Where a polynomial changes its sign within a step. Along a step the function of an event is the Taylor polynomial
 * p(x) = sum_k c[k] x^k, where x in [0, 1] is the part of the step that has passed: its jet, times powers of the step. The
 * method stands in roots.c.
 */
#ifndef TAY__EVENT_H
#define TAY__EVENT_H

#include "base/base.h"

/* The largest degree; binomial coefficients of higher ones leave the range of doubles. */
enum { TAY__MOST_CROSSINGS = 500 };

/* Scratch memory that tay__find_crossings needs for a degree, in doubles. */
size_t tay__crossings_scratch(uint32_t degree);

/*
 * The points in [begin, 1) where p changes its sign, ascending, no two equal, into roots[degree]; returns how many. c[degree + 1]
 * is finite, degree at most TAY__MOST_CROSSINGS, 0 <= begin < 1.
 *
 * A zero at begin counts, whatever its multiplicity, if p is not zero everywhere. A zero at 1 does not count: the next step
 * begins there. The signs are those of p as Horner's scheme rounds it: the number of points behind begin is odd where those right
 * behind begin and right before 1 differ, else even. Two roots so close that p is nothing but rounding in between may be missed.
 */
size_t tay__find_crossings(double *roots, const double *c, uint32_t degree, double begin, double *scratch);

/* p(x); p'(x). */
double tay__polynomial_value(const double *c, uint32_t degree, double x);
double tay__polynomial_slope(const double *c, uint32_t degree, double x);

#endif
