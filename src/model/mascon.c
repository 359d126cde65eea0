/*
 * A particle among masses that are fixed in a frame, which turns with angular velocity w [Goldstein2002, 4.10]:
 *
 *     r' = v,   v' = G sum_j m_j d_j / |d_j|^3 + (w x r + 2 v) x w,   d_j = r_j - r.
 *
 * Where w and the masses are constant, so is v^2/2 - G sum_j m_j / |d_j| - |w x r|^2/2. The vector products stand as they are,
 * not as w^2 r - w (w . r): about an axis of coordinates nothing is left to cancel.
 */
#include "model/arguments.h"
#include "model/workshop.h"
#include "tayra/model.h"

typedef struct particle {
    tay__workshop w;
    const tay_model_mascon_options *options;
    const tay_expr *vars[6], *const *r, *const *v; /* r and v: in vars */
    const tay_expr *g, *omega[3];
} particle;

static const tay_model_mascon_options nothing = {.size = sizeof nothing};

static tay_status check(const char *call, const void *out, const tay_model_mascon_options *options)
{
    tay_status status = tay__check_model(call, out, options, sizeof *options);
    const tay_model_mascon_options *o = options ? options : &nothing;
    if (status == TAY_OK) status = tay__check_expressions(call, "masses", o->masses, o->n_masses);
    if (status == TAY_OK) status = tay__check_expressions(call, "positions", o->positions, o->n_positions);
    if (status == TAY_OK) status = tay__check_expressions(call, "omega", o->omega, o->n_omega);
    if (status != TAY_OK) return status;
    if (o->n_positions % 3 != 0 || o->n_positions / 3 != o->n_masses)
        return tay__error(TAY_ERROR_ARGUMENT, "positions: 3 coordinates for each of %zu masses were expected, not %zu",
                          o->n_masses, o->n_positions);
    if (o->n_omega != 0 && o->n_omega != 3)
        return tay__error(TAY_ERROR_ARGUMENT, "omega: a vector of 3 components, or none, was expected, not %zu", o->n_omega);
    return TAY_OK;
}

static void start(particle *p, const tay_model_mascon_options *options)
{
    static const char *const names[] = {"x", "y", "z", "vx", "vy", "vz"};
    *p = (particle){.w = tay__workshop_open(), .options = options ? options : &nothing, .r = p->vars, .v = p->vars + 3};
    for (int i = 0; i < 6; i++) p->vars[i] = tay__variable(&p->w, names[i]);
    for (int k = 0; k < 3; k++) p->omega[k] = p->options->n_omega ? p->options->omega[k] : tay__number(&p->w, 0.0);
    p->g = p->options->gconst ? p->options->gconst : tay__number(&p->w, 1.0);
}

/* d_j; returns m_j / |d_j|^exponent. */
static const tay_expr *pull(particle *p, const tay_expr *d[3], size_t j, double exponent)
{
    for (size_t k = 0; k < 3; k++) d[k] = tay__sub(&p->w, p->options->positions[3 * j + k], p->r[k]);
    const tay_expr *inverse = tay__power(&p->w, tay__sum_of_squares(&p->w, d), -exponent / 2);
    return tay__mul(&p->w, p->options->masses[j], inverse);
}

/* result[3] = G sum_j m_j d_j / |d_j|^3 or, if `depth`, result[1] = G sum_j m_j / |d_j| */
static void attract(particle *p, const tay_expr **result, bool depth)
{
    size_t n = p->options->n_masses, n_out = depth ? 1 : 3;
    const tay_expr **terms = NULL, *d[3]; /* terms[n_out][n] */
    tay_status status = TAY_OK;
    TAY_TRY(tay__alloc(&terms, n_out * n, sizeof *terms));
    for (size_t j = 0; j < n && p->w.status == TAY_OK; j++) {
        const tay_expr *factor = pull(p, d, j, depth ? 1 : 3);
        for (size_t k = 0; k < n_out; k++) terms[k * n + j] = depth ? factor : tay__mul(&p->w, d[k], factor);
    }
    for (size_t k = 0; k < n_out; k++) result[k] = tay__mul(&p->w, p->g, tay__sum(&p->w, terms + k * n, n));
out:
    tay__free(terms);
    if (status != TAY_OK) p->w.status = status;
}

/* a x b */
static void cross(tay__workshop *w, const tay_expr *out[3], const tay_expr *const a[3], const tay_expr *const b[3])
{
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        out[k] = tay__sub(w, tay__mul(w, a[i], b[j]), tay__mul(w, a[j], b[i]));
    }
}

/* (w x r + 2 v) x w: the centrifugal and the Coriolis acceleration */
static void turn(particle *p, const tay_expr *out[3])
{
    const tay_expr *u[3];
    cross(&p->w, u, p->omega, p->r);
    for (int k = 0; k < 3; k++) u[k] = tay__add(&p->w, u[k], tay__mul(&p->w, tay__number(&p->w, 2.0), p->v[k]));
    cross(&p->w, out, u, p->omega);
}

tay_status tay_model_mascon(tay_expr **vars, tay_expr **rhs, const tay_model_mascon_options *options)
{
    tay_status status = check("tay_model_mascon", vars && rhs ? vars : NULL, options);
    particle p;
    const tay_expr *right[6] = {NULL}, *turning[3];
    if (status != TAY_OK) return status;
    start(&p, options);
    attract(&p, right + 3, false);
    turn(&p, turning);
    for (int k = 0; k < 3; k++) {
        right[k] = p.v[k];
        right[3 + k] = tay__add(&p.w, right[3 + k], turning[k]);
    }
    tay__workshop_deliver(&p.w, vars, p.vars, 6);
    tay__workshop_deliver(&p.w, rhs, right, 6);
    return tay__workshop_close(&p.w);
}

/* What the kinetic energy, or 0, is reduced by. */
static tay_status reduce(tay_expr **out, particle *p, const tay_expr *kinetic)
{
    const tay_expr *depth = NULL, *speed[3];
    attract(p, &depth, true);
    cross(&p->w, speed, p->omega, p->r);
    const tay_expr *outwards = tay__mul(&p->w, tay__number(&p->w, 0.5), tay__sum_of_squares(&p->w, speed));
    const tay_expr *energy = tay__sub(&p->w, kinetic, tay__add(&p->w, depth, outwards));
    tay__workshop_deliver(&p->w, out, &energy, 1);
    return tay__workshop_close(&p->w);
}

tay_status tay_model_mascon_energy(tay_expr **out, const tay_model_mascon_options *options)
{
    tay_status status = check("tay_model_mascon_energy", out, options);
    particle p;
    if (status != TAY_OK) return status;
    start(&p, options);
    return reduce(out, &p, tay__mul(&p.w, tay__number(&p.w, 0.5), tay__sum_of_squares(&p.w, p.v)));
}

tay_status tay_model_mascon_potential(tay_expr **out, const tay_model_mascon_options *options)
{
    tay_status status = check("tay_model_mascon_potential", out, options);
    particle p;
    if (status != TAY_OK) return status;
    start(&p, options);
    return reduce(out, &p, tay__number(&p.w, 0.0));
}
