/*
 * The variational system while it is made: private to this area.
 */
#ifndef TAY__SYSTEM_H
#define TAY__SYSTEM_H

#include "expr/expr.h"
#include "tayra/variational.h"

struct tay_variational {
    size_t n, n_total, n_args;
    tay__sequences sequences;          /* the derivatives of each component */
    tay_expr **args;                   /* [n_args] */
    tay_expr **vars, **rhs, **initial; /* [n_total] entries of tay__sequences_entry(n, ...) */
    tay__map place;                    /* a variable that can be in a right-hand side -> its entry */
};

/* Distinct variables, which hold all in rhs (check.c). */
tay_status tay__variational_check(const tay_expr *const *vars, const tay_expr *const *rhs, size_t n);
/* The arguments that the options ask for, into v->args; v->vars and v->n are known (check.c). */
tay_status tay__variational_args(tay_variational *v, const tay_expr *const *rhs, const tay_variational_options *options);

/* The variables of e in the order of the system, with their entries: free both with tay__free, the first after unref. */
tay_status tay__variational_vars_in(const tay_variational *v, tay_expr ***vars, size_t **entries, size_t *count,
                                    const tay_expr *e);

/* The names and right-hand sides of all derivatives (equations.c). */
tay_status tay__variational_equations(tay_variational *v);
/* Their initial values (initial.c). */
tay_status tay__variational_initial(tay_variational *v);

#endif
