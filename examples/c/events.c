/*
 * A satellite that goes through the Earth's shadow, a cylinder behind it: when, for how long, and what its solar panels gather
 * meanwhile.
 *
 *     cc events.c -ltayra -lm -o events && ./events
 *
 * The Sun is in the direction of x. At the border of the shadow y^2 + z^2 - 1 is 0, in radii of the Earth, and x < 0. This is a
 * terminal event: a step ends there exactly, and its callback switches the panels, whose equation is q' = p with the parameter p,
 * 1 in the light and 0 in the shadow. No step goes over the jump of the right-hand side, so q stays as accurate as the orbit.
 *
 * The functions of events count in the choice of steps with their size, as the variables do. In kilometres this one would be
 * some 10^7, and the steps would be chosen for that; in radii of the Earth all is about 1.
 *
 * It returns 1 if q is not the time in the light.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <tayra.h>

#define PI 3.14159265358979323846
#define MINUTES (806.8110 / 60) /* in a unit of time, sqrt(R^3 / GM) */
#define AXIS 1.6                /* the orbit: semi-major axis in radii of the Earth, */
#define ECCENTRICITY 0.2
#define PERIGEE 0.7             /* its angle from the projection of the Sun's direction on the plane of the orbit, */
#define ELEVATION 0.35          /* and that of the Sun above this plane */

enum { DIM = 7, REVOLUTIONS = 8 };

typedef struct passages {
    double enters[REVOLUTIONS], leaves[REVOLUTIONS];
    size_t n;
} passages;

/* Ends the program with the library's message. */
static void check(tay_status status)
{
    if (status == TAY_OK) return;
    fprintf(stderr, "%s: %s\n", tay_status_name(status), tay_error_message());
    exit(1);
}

/* The integrator is at the event; so is its state. */
static bool at_border(tay_ode *ode, const tay_hit *hit, void *context)
{
    passages *p = context;
    if (tay_ode_state(ode)[0] > 0 || p->n == REVOLUTIONS) return true; /* between the Earth and the Sun there is no shadow */
    if (hit->sign < 0) p->enters[p->n] = hit->time;
    else p->leaves[p->n++] = hit->time;
    tay_ode_pars(ode)[0] = hit->sign < 0 ? 0 : 1;
    return true;
}

/* y^2 + z^2 - 1 */
static tay_expr *border(tay_expr *const *vars)
{
    tay_expr *terms[3], *sum;
    check(tay_expr_mul(&terms[0], vars[1], vars[1]));
    check(tay_expr_mul(&terms[1], vars[2], vars[2]));
    check(tay_expr_number(&terms[2], -1));
    check(tay_expr_sum(&sum, (const tay_expr *const *)terms, 3));
    for (size_t i = 0; i < 3; i++) tay_expr_unref(terms[i]);
    return sum;
}

/* At the perigee, in the light. */
static tay_ode *make_integrator(passages *p)
{
    double r = AXIS * (1 - ECCENTRICITY), v = sqrt((1 + ECCENTRICITY) / r);
    double up = sin(ELEVATION), along = cos(ELEVATION), c = cos(PERIGEE), s = sin(PERIGEE);
    double start[DIM] = {r * c * along, r * s, r * c * up, -v * s * along, v * c, -v * s * up, 0}, light = 1;
    tay_expr *vars[DIM], *rhs[DIM], *zero, *one;

    check(tay_expr_number(&zero, 0));
    check(tay_expr_number(&one, 1));
    check(tay_model_mascon(vars, rhs, &(tay_model_mascon_options){
        .size = sizeof(tay_model_mascon_options),
        .masses = (const tay_expr *const[]){one},
        .n_masses = 1,
        .positions = (const tay_expr *const[]){zero, zero, zero},
        .n_positions = 3,
    }));
    check(tay_expr_variable(&vars[6], "q"));
    check(tay_expr_parameter(&rhs[6], 0));

    tay_event event = {.function = border(vars), .callback = at_border, .terminal = true};
    tay_ode_options options = {.size = sizeof options, .pars = &light, .n_pars = 1, .events = &event, .n_events = 1,
                               .event_context = p};
    tay_ode *ode;
    check(tay_ode_create(&ode, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, DIM, start, &options));
    for (size_t i = 0; i < DIM; i++) tay_expr_unref(vars[i]), tay_expr_unref(rhs[i]);
    tay_expr_unref((tay_expr *)event.function), tay_expr_unref(zero), tay_expr_unref(one);
    return ode;
}

int main(void)
{
    passages p = {.n = 0};
    double end = REVOLUTIONS * 2 * PI * sqrt(AXIS * AXIS * AXIS), dark = 0;
    tay_ode *ode = make_integrator(&p);
    check(tay_ode_propagate_until(NULL, ode, end, NULL));
    double light = tay_ode_state(ode)[6];
    tay_ode_free(ode);

    puts("passage      enters         leaves        minutes");
    for (size_t i = 0; i < p.n; i++) {
        dark += p.leaves[i] - p.enters[i];
        printf("%7zu %14.9f %14.9f %12.9f\n", i + 1, p.enters[i] * MINUTES, p.leaves[i] * MINUTES,
               (p.leaves[i] - p.enters[i]) * MINUTES);
    }
    printf("in the light %.9f of %.9f minutes\n", light * MINUTES, end * MINUTES);
    return p.n == REVOLUTIONS && fabs(light + dark - end) < 1e-12 * end ? 0 : 1;
}
