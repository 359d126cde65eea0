/* Linear systems of expressions whose matrix is symmetric. Private to this area. */
#ifndef TAY__SYMMETRIC_H
#define TAY__SYMMETRIC_H

#include "model/workshop.h"

/*
 * Replaces rhs[n] by the solution x of matrix x = rhs. Of matrix[n][n] the rows >= columns count; it is overwritten. *singular is
 * n; or a row of which elimination has left nothing but zeros: then there is no solution, and rhs means nothing.
 */
tay_status tay__solve_symmetric(tay__workshop *w, size_t *singular, const tay_expr **matrix, const tay_expr **rhs, size_t n);

#endif
