/*
 * Reduction of huge angles: the vector code calls it for the elements that are out of its range, compiled once.
 */
#ifndef TAY__VMATH_HUGE_H
#define TAY__VMATH_HUGE_H

#include <stdint.h>

/* x = n pi/2 + (*r + *r_lo) modulo 2 pi, |*r| <= pi/4; returns n. x is finite and at least 2^20. */
int64_t tay__reduce_huge(double *r, double *r_lo, double x);

#endif
