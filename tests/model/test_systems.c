/*
 * Bodies and pendulums: accelerations against the direct formulas, energies that the equations conserve exactly, texts
 * against the peer's, and what is refused.
 */
#include <stdio.h>

#include "systems.h"

enum { MAX_BODIES = 5 };

/* a_i = G sum_j m_j d_ij / |d_ij|^3 */
static void direct(double a[3], size_t i, size_t n, const double *state, const double *masses, double g)
{
    a[0] = a[1] = a[2] = 0;
    for (size_t j = 0; j < n; j++) {
        double d[3], r2 = 0;
        if (j == i || masses[j] == 0) continue;
        for (int k = 0; k < 3; k++) d[k] = state[6 * j + (size_t)k] - state[6 * i + (size_t)k], r2 += d[k] * d[k];
        for (int k = 0; k < 3; k++) a[k] += g * masses[j] * d[k] / (r2 * sqrt(r2));
    }
}

static double direct_energy(size_t n, const double *state, const double *masses, double g, bool with_kinetic)
{
    double energy = 0;
    for (size_t i = 0; i < n; i++) {
        const double *x = state + 6 * i;
        if (with_kinetic) energy += 0.5 * masses[i] * (x[3] * x[3] + x[4] * x[4] + x[5] * x[5]);
        for (size_t j = 0; j < i; j++)
            energy -= g * masses[i] * masses[j] /
                      sqrt(pow(x[0] - state[6 * j], 2) + pow(x[1] - state[6 * j + 1], 2) + pow(x[2] - state[6 * j + 2], 2));
    }
    return energy;
}

/* n bodies, of which the first n_masses are given, as numbers or (with G, the last) as parameters. */
typedef struct bodies {
    uint32_t n;
    size_t n_masses;
    double masses[MAX_BODIES], g;
    bool by_default, as_parameters;
} bodies;

static tay_model_nbody_options options_of(const bodies *b, tay_expr **masses, tay_expr **g)
{
    tay_model_nbody_options options = {.size = sizeof options, .n = b->n};
    for (uint32_t i = 0; i < b->n_masses && !b->by_default; i++)
        assert_ok(b->as_parameters ? tay_expr_parameter(&masses[i], i) : tay_expr_number(&masses[i], b->masses[i]));
    assert_ok(b->as_parameters ? tay_expr_parameter(g, MAX_BODIES) : tay_expr_number(g, b->g));
    if (!b->by_default) options.masses = (const tay_expr *const *)masses;
    if (!b->by_default) options.gconst = *g;
    options.n_masses = b->by_default ? 0 : b->n_masses;
    return options;
}

static void release_bodies(tay_expr **vars, tay_expr **rhs, size_t n, tay_expr **masses, tay_expr *g, tay_expr *energy,
                           tay_expr *potential)
{
    tay_expr_unref(energy);
    tay_expr_unref(potential);
    release(vars, n);
    release(rhs, n);
    release(masses, MAX_BODIES);
    tay_expr_unref(g);
}

static void check_bodies(const bodies *b, uint64_t seed)
{
    tay_expr *vars[6 * MAX_BODIES], *rhs[6 * MAX_BODIES], *masses[MAX_BODIES] = {NULL}, *g, *energy, *potential;
    double state[6 * MAX_BODIES], rates[6 * MAX_BODIES], m[MAX_BODIES] = {0}, pars[MAX_BODIES + 1], a[3];
    tay_model_nbody_options options = options_of(b, masses, &g);
    size_t n = 6 * (size_t)b->n;
    static const char *const prefixes[] = {"x_", "y_", "z_", "vx_", "vy_", "vz_"};
    for (size_t i = 0; i < b->n && (b->by_default || i < b->n_masses); i++) m[i] = b->by_default ? 1 : b->masses[i];
    for (size_t i = 0; i < n; i++) state[i] = random_between(&seed, -3, 3);
    memcpy(pars, b->masses, sizeof b->masses);
    pars[MAX_BODIES] = b->g;
    assert_ok(tay_model_nbody(vars, rhs, &options));
    tay__point point = {(const tay_expr *const *)vars, state, n, pars, MAX_BODIES + 1, 0.0};
    assert_ok(tay__expr_evaluate(rates, (const tay_expr *const *)rhs, n, &point));
    for (size_t i = 0; i < b->n; i++) {
        char name[16];
        direct(a, i, b->n, state, m, b->g);
        for (size_t k = 0; k < 6; k++) {
            snprintf(name, sizeof name, "%s%zu", prefixes[k], i);
            assert_string_equal(tay_expr_name(vars[6 * i + k]), name);
            assert_near(rates[6 * i + k], k < 3 ? state[6 * i + k + 3] : a[k - 3], name, i);
        }
    }
    assert_ok(tay_model_nbody_energy(&energy, &options));
    assert_ok(tay_model_nbody_potential(&potential, &options));
    assert_near(value_at(energy, &point), direct_energy(b->n, state, m, b->g, true), "energy", b->n);
    assert_near(value_at(potential, &point), direct_energy(b->n, state, m, b->g, false), "potential", b->n);
    bool all_attract = true; /* what has no mass takes no part in the energy, but is attracted */
    for (size_t i = 0; i < b->n; i++) all_attract &= m[i] != 0;
    if (all_attract) assert_conserved(energy, vars, rates, n, &point);
    release_bodies(vars, rhs, n, masses, g, energy, potential);
}

/* The same relative to body 0: differences of accelerations, and energies where the centre of the masses rests. */
static void check_relative(const bodies *b, uint64_t seed)
{
    tay_expr *vars[6 * MAX_BODIES], *rhs[6 * MAX_BODIES], *masses[MAX_BODIES] = {NULL}, *g, *energy, *potential;
    double state[6 * MAX_BODIES] = {0}, rates[6 * MAX_BODIES], m[MAX_BODIES] = {0}, pars[MAX_BODIES + 1], a[3], first[3];
    tay_model_nbody_options options = options_of(b, masses, &g);
    size_t n = 6 * ((size_t)b->n - 1);
    double mass = 0, momentum[3] = {0};
    bool all_attract = true;
    for (size_t i = 0; i < b->n && (b->by_default || i < b->n_masses); i++) m[i] = b->by_default ? 1 : b->masses[i];
    for (size_t i = 6; i < n + 6; i++) state[i] = random_between(&seed, -3, 3);
    memcpy(pars, b->masses, sizeof b->masses);
    pars[MAX_BODIES] = b->g;
    assert_ok(tay_model_np1body(vars, rhs, &options));
    assert_string_equal(tay_expr_name(vars[0]), "x_1");
    assert_ok(tay_model_np1body_energy(&energy, &options));
    assert_ok(tay_model_np1body_potential(&potential, &options));
    tay__point point = {(const tay_expr *const *)vars, state + 6, n, pars, MAX_BODIES + 1, 0.0};
    assert_ok(tay__expr_evaluate(rates, (const tay_expr *const *)rhs, n, &point));
    direct(first, 0, b->n, state, m, b->g);
    for (size_t i = 1; i < b->n; i++) {
        direct(a, i, b->n, state, m, b->g);
        for (size_t k = 0; k < 6; k++)
            assert_near(rates[6 * (i - 1) + k], k < 3 ? state[6 * i + k + 3] : a[k - 3] - first[k - 3], "relative", i);
    }
    assert_near(value_at(potential, &point), direct_energy(b->n, state, m, b->g, false), "potential", b->n);
    for (size_t i = 0; i < b->n; i++) {
        mass += m[i];
        all_attract &= m[i] != 0;
        for (size_t k = 0; k < 3; k++) momentum[k] += m[i] * state[6 * i + 3 + k];
    }
    for (size_t i = 0; i < b->n && mass > 0; i++)
        for (size_t k = 0; k < 3; k++) state[6 * i + 3 + k] -= momentum[k] / mass;
    double expected = direct_energy(b->n, state, m, b->g, true);
    for (size_t i = b->n; i-- > 0 && mass > 0;)
        for (size_t k = 0; k < 3; k++) state[6 * i + 3 + k] -= state[3 + k];
    assert_near(value_at(energy, &point), expected, "energy", b->n);
    if (all_attract) assert_conserved(energy, vars, rates, n, &point);
    release_bodies(vars, rhs, n, masses, g, energy, potential);
}

static void bodies_attract_each_other(void **state)
{
    (void)state;
    static const bodies cases[] = {
        {2, 0, {0}, 1, true, false},
        {5, 0, {0}, 1, true, false},
        {3, 3, {1, 2, 3}, 1, false, false},
        {4, 4, {0.3, 2, 1.5, 4}, 6.5, false, false},
        {3, 3, {1, 0, 0}, 2, false, false},
        {4, 4, {0, 1, 0, 0.5}, 2, false, false},
        {4, 2, {1, 2}, 0.5, false, false},
        {3, 0, {0}, 1, false, false},
        {3, 3, {1.5, 0.25, 3}, 0.7, false, true},
        {4, 2, {1.5, 0.25}, 0.7, false, true},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        check_bodies(&cases[c], c + 1);
        check_relative(&cases[c], c + 1);
    }
}

static size_t count_powers(tay_expr *const *e, size_t n, double exponent)
{
    const tay_expr **nodes;
    size_t count, found = 0;
    assert_ok(tay__expr_postorder(&nodes, &count, NULL, (const tay_expr *const *)e, n));
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->kind == TAY_KIND_FUNCTION && nodes[i]->function == TAY_POW)
            found += tay_expr_value(nodes[i]->u.args[1]) == exponent;
    }
    tay__free(nodes);
    return found;
}

/* One power for each pair, whatever the masses. */
static void pairs_are_made_once(void **state)
{
    (void)state;
    static const bodies cases[] = {
        {5, 0, {0}, 1, true, false},
        {5, 2, {3, 4}, 2, false, false},
        {4, 4, {1, 2, 3, 4}, 5, false, true},
    };
    static const size_t n_pairs[] = {10, 7, 6};
    for (size_t c = 0; c < 3; c++) {
        tay_expr *vars[6 * MAX_BODIES], *rhs[6 * MAX_BODIES], *masses[MAX_BODIES] = {NULL}, *g;
        tay_model_nbody_options options = options_of(&cases[c], masses, &g);
        assert_ok(tay_model_nbody(vars, rhs, &options));
        assert_int_equal(count_powers(rhs, 6 * (size_t)cases[c].n, -1.5), n_pairs[c]);
        release(vars, 6 * (size_t)cases[c].n);
        release(rhs, 6 * (size_t)cases[c].n);
        release(masses, MAX_BODIES);
        tay_expr_unref(g);
    }
}

#define R2                                                                                                             \
    "((x_1 - x_0)**2.0000000000000000 + (y_1 - y_0)**2.0000000000000000 + (z_1 - z_0)**2.0000000000000000)"

static void bodies_have_the_peers_texts(void **state)
{
    (void)state;
    static const bodies cases[] = {{2, 0, {0}, 1, true, false}, {2, 2, {1, 2}, 3, false, false}, {2, 1, {2}, 1, false, false},
                                   {2, 2, {1, 2}, 3, false, true}};
    static const char *const expected[][2] = {
        {"((x_1 - x_0) / " R2 "**1.5000000000000000)", "-((x_1 - x_0) / " R2 "**1.5000000000000000)"},
        {"((x_1 - x_0) * (6.0000000000000000 / " R2 "**1.5000000000000000))",
         "(-0.50000000000000000 * ((x_1 - x_0) * (6.0000000000000000 / " R2 "**1.5000000000000000)))"},
        {"0.0000000000000000", "((x_1 - x_0) * (-2.0000000000000000 / " R2 "**1.5000000000000000))"},
        {"((x_1 - x_0) * (p1 * (p5 / " R2 "**1.5000000000000000)))",
         "((x_1 - x_0) * (-p0 * (p5 / " R2 "**1.5000000000000000)))"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        tay_expr *vars[12], *rhs[12], *masses[MAX_BODIES] = {NULL}, *g;
        tay_model_nbody_options options = options_of(&cases[c], masses, &g);
        assert_ok(tay_model_nbody(vars, rhs, &options));
        assert_text(rhs[3], expected[c][0]);
        assert_text(rhs[9], expected[c][1]);
        release(vars, 12);
        release(rhs, 12);
        release(masses, MAX_BODIES);
        tay_expr_unref(g);
    }
}

static void pendulums_swing(void **state)
{
    (void)state;
    tay_expr *vars[2], *rhs[2], *energy, *g[] = {rpn("9.8"), rpn("p0")}, *l[] = {rpn("2"), rpn("p1")};
    const tay_model_pendulum_options options[] = {{.size = sizeof *options},
                                                  {sizeof *options, g[0], l[0]},
                                                  {sizeof *options, g[1], l[1]}};
    static const char *const texts[][2] = {
        {"-sin(x)", "((0.50000000000000000 * v**2.0000000000000000) + (1.0000000000000000 - cos(x)))"},
        {"(-4.9000000000000004 * sin(x))",
         "((2.0000000000000000 * v**2.0000000000000000) + (19.600000000000001 * (1.0000000000000000 - cos(x))))"},
        {"((-p0 / p1) * sin(x))", "(((0.50000000000000000 * p1**2.0000000000000000) * v**2.0000000000000000) + ((p0 * p1) * "
                                  "(1.0000000000000000 - cos(x))))"},
    };
    const double x[] = {0.7, -1.3}, pars[] = {9.8, 2}, gs[] = {1, 9.8, 9.8}, ls[] = {1, 2, 2};
    for (size_t c = 0; c < 3; c++) {
        double rates[2];
        assert_ok(tay_model_pendulum(vars, rhs, c == 0 ? NULL : &options[c]));
        assert_ok(tay_model_pendulum_energy(&energy, &options[c]));
        assert_text(vars[0], "x");
        assert_text(vars[1], "v");
        assert_text(rhs[0], "v");
        assert_text(rhs[1], texts[c][0]);
        assert_text(energy, texts[c][1]);
        tay__point point = {(const tay_expr *const *)vars, x, 2, pars, 2, 0.0};
        assert_ok(tay__expr_evaluate(rates, (const tay_expr *const *)rhs, 2, &point));
        assert_near(rates[1], -gs[c] / ls[c] * sin(x[0]), "pendulum", c);
        assert_near(value_at(energy, &point), 0.5 * ls[c] * ls[c] * x[1] * x[1] + gs[c] * ls[c] * (1 - cos(x[0])), "energy", c);
        assert_conserved(energy, vars, rates, 2, &point);
        release(vars, 2);
        release(rhs, 2);
        tay_expr_unref(energy);
    }
    release(g, 2);
    release(l, 2);
}

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *one = rpn("1"), *out[12] = {one}, *other[12] = {one};
    const tay_expr *three[] = {one, one, one}, *holes[] = {one, NULL};
    tay_model_nbody_options options = {.size = sizeof options, .n = 2};
    const tay_model_pendulum_options old = {.size = 1};
    assert_error(tay_model_nbody(NULL, other, &options), TAY_ERROR_ARGUMENT, "an output is NULL");
    assert_error(tay_model_nbody(out, NULL, &options), TAY_ERROR_ARGUMENT, "an output is NULL");
    assert_error(tay_model_nbody(out, other, NULL), TAY_ERROR_ARGUMENT, "`options` is NULL");
    assert_error(tay_model_nbody_energy(NULL, &options), TAY_ERROR_ARGUMENT, "an output is NULL");
    assert_error(tay_model_nbody_potential(out, NULL), TAY_ERROR_ARGUMENT, "`options` is NULL");
    options.masses = three;
    options.n_masses = 3;
    assert_error(tay_model_nbody(out, other, &options), TAY_ERROR_ARGUMENT, "3 masses were given, but there are only 2");
    options.masses = holes;
    options.n_masses = 2;
    assert_error(tay_model_nbody_energy(out, &options), TAY_ERROR_ARGUMENT, "masses[1] is NULL");
    options.n = 1;
    assert_error(tay_model_nbody(out, other, &options), TAY_ERROR_ARGUMENT, "at least 2 bodies, but n = 1");
    options.size = 2;
    assert_error(tay_model_nbody_potential(out, &options), TAY_ERROR_ARGUMENT, "size is 2");
    assert_error(tay_model_pendulum(out, NULL, NULL), TAY_ERROR_ARGUMENT, "an output is NULL");
    assert_error(tay_model_pendulum(out, other, &old), TAY_ERROR_ARGUMENT, "size is 1");
    assert_error(tay_model_pendulum_energy(NULL, NULL), TAY_ERROR_ARGUMENT, "an output is NULL");
    assert_ptr_equal(out[0], one);
    assert_ptr_equal(other[0], one);
    tay_expr_unref(one);
}

static tay_status bodies_scenario(void *options)
{
    tay_expr *vars[18] = {NULL}, *rhs[18] = {NULL}, *energy = NULL;
    tay_status status = tay_model_nbody(vars, rhs, options);
    return finish_scenario(status, status ? status : tay_model_nbody_energy(&energy, options), vars, rhs, 18, &energy);
}

static tay_status relative_scenario(void *options)
{
    tay_expr *vars[12] = {NULL}, *rhs[12] = {NULL}, *energy = NULL;
    tay_status status = tay_model_np1body(vars, rhs, options);
    return finish_scenario(status, status ? status : tay_model_np1body_energy(&energy, options), vars, rhs, 12, &energy);
}

static tay_status pendulum_scenario(void *options)
{
    tay_expr *vars[2] = {NULL}, *rhs[2] = {NULL}, *energy = NULL;
    tay_status status = tay_model_pendulum(vars, rhs, options);
    return finish_scenario(status, status ? status : tay_model_pendulum_energy(&energy, options), vars, rhs, 2, &energy);
}

static void failing_allocations(void **state)
{
    (void)state;
    tay_expr *masses[] = {rpn("2"), rpn("p1")};
    tay_model_nbody_options options = {.size = sizeof options, .n = 3, .masses = (const tay_expr *const *)masses, .n_masses = 2};
    fail_each_allocation(bodies_scenario, &options);
    fail_each_allocation(relative_scenario, &options);
    fail_each_allocation(pendulum_scenario, NULL);
    release(masses, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_attract_each_other),
        cmocka_unit_test(pairs_are_made_once),
        cmocka_unit_test(bodies_have_the_peers_texts),
        cmocka_unit_test(pendulums_swing),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
