/*
 * A particle among fixed masses, in a frame that turns, and the restricted three-body problem, which is one: accelerations and
 * energies against the direct formulas, energies that the equations conserve exactly, and what is refused.
 */
#include "systems.h"

enum { MAX_MASSES = 3, N_PARTICLE = 6 };

/* n masses at fixed positions in a frame; all given numbers are random, as numbers or as parameters. */
typedef struct field {
    size_t n;
    bool turns, as_parameters;
} field;

/* Where the numbers of a field stand: G, masses, positions, angular velocity. */
enum { MASSES = 1, POSITIONS = MASSES + MAX_MASSES, OMEGA = POSITIONS + 3 * MAX_MASSES, N_FIELD = OMEGA + 3 };

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* a = G sum_j m_j d_j / |d_j|^3 + w^2 r - (w . r) w - 2 w x v; returns the potential energy. */
static double direct_field(double a[3], const field *f, const double *u, const double *numbers)
{
    double still[3] = {0}, potential = 0;
    const double *v = u + 3, *w = f->turns ? numbers + OMEGA : still;
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        a[k] = dot(w, w) * u[k] - dot(w, u) * w[k] - 2 * (w[i] * v[j] - w[j] * v[i]);
    }
    for (size_t j = 0; j < f->n; j++) {
        const double *at = numbers + POSITIONS + 3 * j, gm = numbers[0] * numbers[MASSES + j];
        const double d[] = {at[0] - u[0], at[1] - u[1], at[2] - u[2]}, r = sqrt(dot(d, d));
        for (int k = 0; k < 3; k++) a[k] += gm * d[k] / (r * r * r);
        potential -= gm / r;
    }
    return potential + 0.5 * (dot(w, u) * dot(w, u) - dot(w, w) * dot(u, u));
}

static const char *const particle_names[] = {"x", "y", "z", "vx", "vy", "vz"}, *const momentum_names[] = {"px", "py", "pz"};

static void check_field(const field *f, uint64_t seed)
{
    tay_expr *e[N_FIELD], *vars[N_PARTICLE], *rhs[N_PARTICLE], *energy, *potential;
    const tay_expr *const *given = (const tay_expr *const *)e;
    double numbers[N_FIELD], u[N_PARTICLE], rates[N_PARTICLE], a[3];
    for (uint32_t i = 0; i < N_FIELD; i++) {
        numbers[i] = random_between(&seed, i < POSITIONS ? 0 : -2, 2);
        assert_ok(f->as_parameters ? tay_expr_parameter(&e[i], i) : tay_expr_number(&e[i], numbers[i]));
    }
    for (int i = 0; i < N_PARTICLE; i++) u[i] = random_between(&seed, -2, 2);
    tay_model_mascon_options options = {.size = sizeof options, .gconst = e[0], .masses = given + MASSES, .n_masses = f->n,
                                        .positions = given + POSITIONS, .n_positions = 3 * f->n, .omega = given + OMEGA,
                                        .n_omega = f->turns ? 3 : 0};
    assert_ok(tay_model_mascon(vars, rhs, &options));
    assert_ok(tay_model_mascon_energy(&energy, &options));
    assert_ok(tay_model_mascon_potential(&potential, &options));
    tay__point point = {(const tay_expr *const *)vars, u, N_PARTICLE, numbers, N_FIELD, 0.0};
    assert_ok(tay__expr_evaluate(rates, (const tay_expr *const *)rhs, N_PARTICLE, &point));
    double expected = direct_field(a, f, u, numbers);
    for (size_t k = 0; k < N_PARTICLE; k++) {
        assert_string_equal(tay_expr_name(vars[k]), particle_names[k]);
        assert_near(rates[k], k < 3 ? u[3 + k] : a[k - 3], particle_names[k], f->n);
    }
    assert_near(value_at(potential, &point), expected, "potential", f->n);
    assert_near(value_at(energy, &point), expected + 0.5 * dot(u + 3, u + 3), "energy", f->n);
    assert_conserved(energy, vars, rates, N_PARTICLE, &point);
    tay_expr_unref(energy);
    tay_expr_unref(potential);
    release(vars, N_PARTICLE);
    release(rhs, N_PARTICLE);
    release(e, N_FIELD);
}

static void masses_attract(void **state)
{
    (void)state;
    static const field cases[] = {{0, false, false}, {0, true, false}, {1, false, false}, {3, false, false}, {1, true, false},
                                  {3, true, false},  {0, true, true},  {3, false, true},  {3, true, true}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) check_field(&cases[c], c + 1);
}

/* Factors of 1 are not written; nothing is left along the axis of a frame that turns about z. */
static void texts_are_short(void **state)
{
    (void)state;
    tay_expr *vars[6], *rhs[6], *e, *zero = rpn("0"), *one = rpn("1");
    const tay_expr *origin[] = {zero, zero, zero}, *about_z[] = {zero, zero, one};
    tay_model_mascon_options options = {.size = sizeof options, .omega = about_z, .n_omega = 3};
    assert_ok(tay_model_mascon(vars, rhs, &options));
    assert_text(rhs[3], "(x + (2.0000000000000000 * vy))");
    assert_text(rhs[5], "0.0000000000000000");
    release(vars, 6);
    release(rhs, 6);
    options = (tay_model_mascon_options){.size = sizeof options, .masses = about_z + 2, .n_masses = 1, .positions = origin,
                                         .n_positions = 3};
    assert_ok(tay_model_mascon_potential(&e, &options));
    assert_text(e, "-((-x)**2.0000000000000000 + (-y)**2.0000000000000000 + (-z)**2.0000000000000000)**-0.50000000000000000");
    tay_expr_unref(e);
    assert_ok(tay_model_mascon_potential(&e, NULL));
    assert_text(e, "0.0000000000000000");
    tay_expr_unref(e);
    tay_expr_unref(zero);
    tay_expr_unref(one);
}

/* The particle is attracted by two masses and turned about: momenta are velocities of a frame at rest. */
static void check_three_bodies(const tay_model_cr3bp_options *options, double mu, uint64_t seed)
{
    tay_expr *vars[N_PARTICLE], *rhs[N_PARTICLE], *jacobi;
    double u[N_PARTICLE], rates[N_PARTICLE], a[3];
    const double numbers[N_FIELD] = {1, 1 - mu, mu, 0, mu, 0, 0, mu - 1, 0, 0, [OMEGA + 2] = 1};
    for (int i = 0; i < N_PARTICLE; i++) u[i] = random_between(&seed, -2, 2);
    const double velocity[] = {u[3] + u[1], u[4] - u[0], u[5]};
    const double seen[] = {u[0], u[1], u[2], velocity[0], velocity[1], velocity[2]};
    assert_ok(tay_model_cr3bp(vars, rhs, options));
    assert_ok(tay_model_cr3bp_jacobi(&jacobi, options));
    tay__point point = {(const tay_expr *const *)vars, u, N_PARTICLE, &mu, 1, 0.0};
    assert_ok(tay__expr_evaluate(rates, (const tay_expr *const *)rhs, N_PARTICLE, &point));
    double potential = direct_field(a, &(field){.n = 2, .turns = true}, seen, numbers);
    const double expected[] = {velocity[0], velocity[1], velocity[2], a[0] - velocity[1], a[1] + velocity[0], a[2]};
    for (size_t k = 0; k < N_PARTICLE; k++) {
        assert_string_equal(tay_expr_name(vars[k]), k < 3 ? particle_names[k] : momentum_names[k - 3]);
        assert_near(rates[k], expected[k], "three bodies", k);
    }
    assert_near(value_at(jacobi, &point), potential + 0.5 * dot(velocity, velocity), "Jacobi", 0);
    assert_conserved(jacobi, vars, rates, N_PARTICLE, &point);
    tay_expr_unref(jacobi);
    release(vars, N_PARTICLE);
    release(rhs, N_PARTICLE);
}

static void three_bodies_are_restricted(void **state)
{
    (void)state;
    tay_expr *mu[] = {rpn("0.01"), rpn("p0")};
    check_three_bodies(NULL, 1e-3, 1);
    check_three_bodies(&(tay_model_cr3bp_options){.size = sizeof(tay_model_cr3bp_options)}, 1e-3, 2);
    check_three_bodies(&(tay_model_cr3bp_options){sizeof(tay_model_cr3bp_options), mu[0]}, 0.01, 3);
    check_three_bodies(&(tay_model_cr3bp_options){sizeof(tay_model_cr3bp_options), mu[1]}, 0.3, 4);
    release(mu, 2);
}

static void wrong_arguments(void **state)
{
    (void)state;
    static const char *const outside[] = {"0", "0.5", "-0.1", "nan", "inf"};
    tay_expr *one = rpn("1"), *out[N_PARTICLE] = {one}, *other[N_PARTICLE] = {one};
    const tay_expr *six[] = {one, one, one, one, one, one}, *holes[] = {one, one, NULL};
    const tay_model_mascon_options good = {.size = sizeof good, .masses = six, .n_masses = 2, .positions = six, .n_positions = 6};
    tay_model_mascon_options options = good;
    assert_error(tay_model_mascon(NULL, other, &good), TAY_ERROR_ARGUMENT, "tay_model_mascon: an output is NULL");
    assert_error(tay_model_mascon(out, NULL, NULL), TAY_ERROR_ARGUMENT, "tay_model_mascon: an output is NULL");
    assert_error(tay_model_mascon_energy(NULL, &good), TAY_ERROR_ARGUMENT, "tay_model_mascon_energy: an output is NULL");
    assert_error(tay_model_mascon_potential(NULL, NULL), TAY_ERROR_ARGUMENT, "tay_model_mascon_potential: an output is NULL");
    options.size = 3;
    assert_error(tay_model_mascon(out, other, &options), TAY_ERROR_ARGUMENT, "size is 3");
    options = good, options.masses = NULL;
    assert_error(tay_model_mascon_energy(out, &options), TAY_ERROR_ARGUMENT, "options->masses is NULL");
    options = good, options.positions = NULL;
    assert_error(tay_model_mascon_energy(out, &options), TAY_ERROR_ARGUMENT, "options->positions is NULL");
    options = good, options.n_omega = 3;
    assert_error(tay_model_mascon_potential(out, &options), TAY_ERROR_ARGUMENT, "options->omega is NULL");
    options.omega = holes;
    assert_error(tay_model_mascon_potential(out, &options), TAY_ERROR_ARGUMENT, "omega[2] is NULL");
    options.n_omega = 2;
    assert_error(tay_model_mascon(out, other, &options), TAY_ERROR_ARGUMENT, "omega: a vector of 3 components, or none");
    for (size_t n = 0; n < 6; n++) {
        options = good, options.n_positions = n;
        assert_error(tay_model_mascon(out, other, &options), TAY_ERROR_ARGUMENT, "each of 2 masses were expected, not");
    }
    tay_model_cr3bp_options problem = {.size = sizeof problem};
    assert_error(tay_model_cr3bp(NULL, other, NULL), TAY_ERROR_ARGUMENT, "tay_model_cr3bp: an output is NULL");
    assert_error(tay_model_cr3bp(out, NULL, &problem), TAY_ERROR_ARGUMENT, "tay_model_cr3bp: an output is NULL");
    assert_error(tay_model_cr3bp_jacobi(NULL, NULL), TAY_ERROR_ARGUMENT, "tay_model_cr3bp_jacobi: an output is NULL");
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        tay_expr *mu = rpn(outside[i]);
        problem.mu = mu;
        assert_error(tay_model_cr3bp(out, other, &problem), TAY_ERROR_ARGUMENT, "mu: a number above 0 and below 0.5");
        assert_error(tay_model_cr3bp_jacobi(out, &problem), TAY_ERROR_ARGUMENT, "mu: a number above 0 and below 0.5");
        tay_expr_unref(mu);
    }
    problem.size = 1;
    assert_error(tay_model_cr3bp(out, other, &problem), TAY_ERROR_ARGUMENT, "size is 1");
    assert_ptr_equal(out[0], one);
    assert_ptr_equal(other[0], one);
    tay_expr_unref(one);
}

static tay_status mascon_scenario(void *options)
{
    tay_expr *vars[6] = {NULL}, *rhs[6] = {NULL}, *energy = NULL;
    tay_status status = tay_model_mascon(vars, rhs, options);
    return finish_scenario(status, status ? status : tay_model_mascon_energy(&energy, options), vars, rhs, 6, &energy);
}

static tay_status three_bodies_scenario(void *options)
{
    tay_expr *vars[6] = {NULL}, *rhs[6] = {NULL}, *jacobi = NULL;
    tay_status status = tay_model_cr3bp(vars, rhs, options);
    return finish_scenario(status, status ? status : tay_model_cr3bp_jacobi(&jacobi, options), vars, rhs, 6, &jacobi);
}

static void failing_allocations(void **state)
{
    (void)state;
    tay_expr *e = rpn("p1");
    const tay_expr *six[] = {e, e, e, e, e, e};
    tay_model_mascon_options options = {.size = sizeof options, .masses = six, .n_masses = 2, .positions = six, .n_positions = 6,
                                        .omega = six, .n_omega = 3};
    fail_each_allocation(mascon_scenario, &options);
    fail_each_allocation(three_bodies_scenario, NULL);
    tay_expr_unref(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masses_attract),
        cmocka_unit_test(texts_are_short),
        cmocka_unit_test(three_bodies_are_restricted),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
