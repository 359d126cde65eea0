/*
 * What can be wrong with a system and with the arguments of its variational equations.
 */
#include "variational/system.h"

/* Fails with a message that shows e, cut to a bearable length; `format` has one %s for it. */
static tay_status refuse(const char *format, const tay_expr *e)
{
    char text[TAY__SHORT_TEXT], message[256];
    tay_status status = tay__expr_short_text(text, e);
    if (status != TAY_OK) return status;
    const char *place = strstr(format, "%s");
    size_t before = (size_t)(place - format);
    memcpy(message, format, before);
    strcpy(message + before, text);
    strcat(message, place + 2);
    return tay__error(TAY_ERROR_ARGUMENT, "%s", message);
}

static tay_status check_vars(tay__map *known, const tay_expr *const *vars, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (vars[i]->kind != TAY_KIND_VARIABLE)
            return refuse("the left-hand side '%s' of an equation is not a variable", vars[i]);
        if (tay__map_get(known, (uintptr_t)vars[i]))
            return refuse("the variable '%s' appears on the left-hand side twice", vars[i]);
        tay_status status = tay__map_set(known, (uintptr_t)vars[i], i);
        if (status != TAY_OK) return status;
    }
    return TAY_OK;
}

tay_status tay__variational_check(const tay_expr *const *vars, const tay_expr *const *rhs, size_t n)
{
    tay_status status = TAY_OK;
    tay__map known = {0};
    tay_expr **used = NULL;
    size_t n_used = 0;
    if (n == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "a system of zero equations cannot be integrated");
    if (n > UINT32_MAX) TAY_FAIL(TAY_ERROR_LIMIT, "a system of %zu equations is too large", n);
    TAY_TRY(check_vars(&known, vars, n));
    TAY_TRY(tay_expr_variables(&used, &n_used, rhs, n));
    for (size_t i = 0; i < n_used; i++) {
        if (!tay__map_get(&known, (uintptr_t)used[i]))
            TAY_TRY(refuse("the variable '%s' appears on the right-hand side but not on the left-hand side", used[i]));
    }
out:
    for (size_t i = 0; i < n_used; i++) tay_expr_unref(used[i]);
    tay__free(used);
    tay__map_free(&known);
    return status;
}

/* The arguments of `which`, in the order of its bits. */
static tay_status args_of_bits(tay__array *args, const tay_variational *v, const tay_expr *const *rhs, uint32_t which)
{
    tay_status status = TAY_OK;
    tay_expr **parameters = NULL, *time = NULL;
    size_t n_parameters = 0;
    for (size_t i = 0; i < v->n && (which & TAY_VAR_VARS); i++) TAY_TRY(tay__array_push(args, &v->vars[i]));
    if (which & TAY_VAR_PARAMS) TAY_TRY(tay_expr_parameters(&parameters, &n_parameters, rhs, v->n));
    for (size_t i = 0; i < n_parameters; i++) TAY_TRY(tay__array_push(args, &parameters[i]));
    if (which & TAY_VAR_TIME) {
        TAY_TRY(tay_expr_time(&time));
        TAY_TRY(tay__array_push(args, &time));
    }
    for (size_t i = 0; i < args->count; i++) tay_expr_ref(((tay_expr **)args->data)[i]);
out:
    for (size_t i = 0; i < n_parameters; i++) tay_expr_unref(parameters[i]);
    tay__free(parameters);
    tay_expr_unref(time);
    if (status != TAY_OK) args->count = 0;
    return status;
}

static tay_status check_arg(tay__map *seen, const tay_variational *v, const tay_expr *arg)
{
    if (tay__map_get(seen, (uintptr_t)arg)) return refuse("the argument '%s' of variational equations appears twice", arg);
    tay_status status = tay__map_set(seen, (uintptr_t)arg, 0);
    if (status != TAY_OK || arg->kind == TAY_KIND_PARAMETER || arg->kind == TAY_KIND_TIME) return status;
    if (arg->kind != TAY_KIND_VARIABLE)
        return refuse("variational equations with respect to '%s' are not possible: it is not a variable, a parameter or time",
                      arg);
    if (!tay__map_get(&v->place, (uintptr_t)arg))
        return refuse("variational equations with respect to '%s' are not possible: it is no variable of the system", arg);
    return TAY_OK;
}

tay_status tay__variational_args(tay_variational *v, const tay_expr *const *rhs, const tay_variational_options *options)
{
    tay_status status = TAY_OK;
    tay__array args = TAY__ARRAY(tay_expr *);
    tay__map seen = {0};
    uint32_t which = options->which;
    if (which & ~(uint32_t)TAY_VAR_ALL)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "options->which is %lu, bits of %d (TAY_VAR_ALL) were expected", (unsigned long)which,
                 TAY_VAR_ALL);
    if (which && options->args)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "options->which and options->args exclude each other, but both are given");
    if (which) {
        TAY_TRY(args_of_bits(&args, v, rhs, which));
    } else if (options->args) {
        for (size_t i = 0; i < options->n_args; i++) {
            const tay_expr *arg = options->args[i];
            if (!arg) TAY_FAIL(TAY_ERROR_ARGUMENT, "options->args[%zu] is NULL", i);
            TAY_TRY(check_arg(&seen, v, arg));
            TAY_TRY(tay__array_push(&args, &arg));
            tay_expr_ref(arg);
        }
    }
    if (args.count == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "variational equations need at least one argument, but there is none");
out:
    v->args = args.data;
    v->n_args = args.count;
    tay__map_free(&seen);
    return status;
}
