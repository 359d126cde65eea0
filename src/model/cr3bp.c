/*
 * The circular restricted three-body problem [Szebehely1967]: a particle that two masses attract, 1 - mu at (mu, 0, 0) and mu
 * at (mu - 1, 0, 0), in the frame that turns with them about z with angular velocity 1. With the momenta px = x' - y,
 * py = y' + x, pz = z' these are the equations of the Hamiltonian, the Jacobi constant,
 *
 *     H = p^2/2 + y px - x py - (1 - mu)/r1 - mu/r2.
 */
#include "model/arguments.h"
#include "model/workshop.h"
#include "tayra/model.h"

enum { X, Y, Z, PX, PY, PZ, N };

typedef struct problem {
    tay__workshop w;
    const tay_expr *vars[N];
    const tay_expr *masses[2], *d[2]; /* of the bodies, and how far the particle is from them in x */
} problem;

static tay_status check(const char *call, const void *out, const tay_model_cr3bp_options *options)
{
    tay_status status = tay__check_model(call, out, options, sizeof *options);
    if (status != TAY_OK || !options || !options->mu || options->mu->kind != TAY_KIND_NUMBER) return status;
    double mu = options->mu->u.number;
    if (mu > 0 && mu < 0.5) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "mu: a number above 0 and below 0.5 was expected, not %g", mu);
}

static problem start(const tay_model_cr3bp_options *options)
{
    static const char *const names[N] = {"x", "y", "z", "px", "py", "pz"};
    problem p = {.w = tay__workshop_open()};
    const tay_expr *mu = options && options->mu ? options->mu : tay__number(&p.w, 1e-3);
    for (int i = 0; i < N; i++) p.vars[i] = tay__variable(&p.w, names[i]);
    p.masses[0] = tay__sub(&p.w, tay__number(&p.w, 1.0), mu);
    p.masses[1] = mu;
    p.d[0] = tay__sub(&p.w, p.vars[X], mu);
    p.d[1] = tay__add(&p.w, p.vars[X], p.masses[0]);
    return p;
}

/* m / r^exponent of body i */
static const tay_expr *pull(problem *p, int i, double exponent)
{
    const tay_expr *r2 = tay__sum_of_squares(&p->w, (const tay_expr *const[]){p->d[i], p->vars[Y], p->vars[Z]});
    return tay__mul(&p->w, p->masses[i], tay__power(&p->w, r2, -exponent / 2));
}

tay_status tay_model_cr3bp(tay_expr **vars, tay_expr **rhs, const tay_model_cr3bp_options *options)
{
    tay_status status = check("tay_model_cr3bp", vars && rhs ? vars : NULL, options);
    if (status != TAY_OK) return status;
    problem p = start(options);
    tay__workshop *w = &p.w;
    const tay_expr *const *u = p.vars;
    const tay_expr *pulls[] = {pull(&p, 0, 3), pull(&p, 1, 3)}, *both = tay__add(w, pulls[0], pulls[1]);
    const tay_expr *in_x = tay__add(w, tay__mul(w, pulls[0], p.d[0]), tay__mul(w, pulls[1], p.d[1]));
    const tay_expr *right[N] = {
        [X] = tay__add(w, u[PX], u[Y]),
        [Y] = tay__sub(w, u[PY], u[X]),
        [Z] = u[PZ],
        [PX] = tay__sub(w, u[PY], in_x),
        [PY] = tay__sub(w, tay__neg(w, u[PX]), tay__mul(w, both, u[Y])),
        [PZ] = tay__neg(w, tay__mul(w, both, u[Z])),
    };
    tay__workshop_deliver(w, vars, u, N);
    tay__workshop_deliver(w, rhs, right, N);
    return tay__workshop_close(w);
}

tay_status tay_model_cr3bp_jacobi(tay_expr **out, const tay_model_cr3bp_options *options)
{
    tay_status status = check("tay_model_cr3bp_jacobi", out, options);
    if (status != TAY_OK) return status;
    problem p = start(options);
    tay__workshop *w = &p.w;
    const tay_expr *const *u = p.vars;
    const tay_expr *kinetic = tay__mul(w, tay__number(w, 0.5), tay__sum_of_squares(w, u + PX));
    const tay_expr *turning = tay__sub(w, tay__mul(w, u[Y], u[PX]), tay__mul(w, u[X], u[PY]));
    const tay_expr *depth = tay__add(w, pull(&p, 0, 1), pull(&p, 1, 1));
    const tay_expr *jacobi = tay__sub(w, tay__add(w, kinetic, turning), depth);
    tay__workshop_deliver(w, out, &jacobi, 1);
    return tay__workshop_close(w);
}
