/*
 * The simple pendulum: x' = v, v' = -(g/l) sin x, for the angle x from the lowest position.
 */
#include "model/arguments.h"
#include "model/workshop.h"
#include "tayra/model.h"

typedef struct pendulum {
    const tay_expr *x, *v, *g, *l;
} pendulum;

static pendulum start(tay__workshop *w, const tay_model_pendulum_options *options)
{
    return (pendulum){
        .x = tay__variable(w, "x"),
        .v = tay__variable(w, "v"),
        .g = options && options->gconst ? options->gconst : tay__number(w, 1.0),
        .l = options && options->length ? options->length : tay__number(w, 1.0),
    };
}

tay_status tay_model_pendulum(tay_expr **vars, tay_expr **rhs, const tay_model_pendulum_options *options)
{
    tay_status status = tay__check_model("tay_model_pendulum", vars && rhs ? vars : NULL, options, sizeof *options);
    if (status != TAY_OK) return status;
    tay__workshop w = tay__workshop_open();
    pendulum p = start(&w, options);
    const tay_expr *acceleration = tay__mul(&w, tay__div(&w, tay__neg(&w, p.g), p.l), tay__call(&w, TAY_SIN, p.x));
    tay__workshop_deliver(&w, vars, (const tay_expr *const[]){p.x, p.v}, 2);
    tay__workshop_deliver(&w, rhs, (const tay_expr *const[]){p.v, acceleration}, 2);
    return tay__workshop_close(&w);
}

tay_status tay_model_pendulum_energy(tay_expr **out, const tay_model_pendulum_options *options)
{
    tay_status status = tay__check_model("tay_model_pendulum_energy", out, options, sizeof *options);
    if (status != TAY_OK) return status;
    tay__workshop w = tay__workshop_open();
    pendulum p = start(&w, options);
    const tay_expr *half_l2 = tay__mul(&w, tay__number(&w, 0.5), tay__power(&w, p.l, 2.0));
    const tay_expr *kinetic = tay__mul(&w, half_l2, tay__power(&w, p.v, 2.0));
    const tay_expr *height = tay__sub(&w, tay__number(&w, 1.0), tay__call(&w, TAY_COS, p.x));
    const tay_expr *potential = tay__mul(&w, tay__mul(&w, p.g, p.l), height);
    const tay_expr *energy = tay__add(&w, kinetic, potential);
    tay__workshop_deliver(&w, out, &energy, 1);
    return tay__workshop_close(&w);
}
