/*
 * tayra: ordinary differential equations by adaptive high-order Taylor series; expressions compiled and differentiated.
 *
 * This header includes all the others; each stands alone.
 *
 *     puts(tay_version());
 */
#ifndef TAYRA_H
#define TAYRA_H

#include "tayra/base.h"
#include "tayra/cache.h"
#include "tayra/cfunc.h"
#include "tayra/expr.h"
#include "tayra/flow.h"
#include "tayra/model.h"
#include "tayra/ode.h"
#include "tayra/optim.h"
#include "tayra/variational.h"

#endif
