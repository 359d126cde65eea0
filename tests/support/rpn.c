/* A stack machine for rpn.h. */
#include "support/rpn.h"

#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"

enum { MAX_DEPTH = 256, MAX_WORD = 64, MAX_NAME = 4096 };

typedef struct machine {
    tay_expr *stack[MAX_DEPTH];
    size_t depth;
} machine;

/* Replaces the n uppermost by `result`. */
static void replace(machine *m, size_t n, tay_expr *result)
{
    for (size_t i = 0; i < n; i++) tay_expr_unref(m->stack[--m->depth]);
    m->stack[m->depth++] = result;
}

/* The n uppermost, or NULL where there are fewer. */
static const tay_expr *const *top(machine *m, size_t n)
{
    if (m->depth < n || m->depth == MAX_DEPTH) return NULL;
    return (const tay_expr *const *)(m->stack + m->depth - n);
}

static tay_status arithmetic(machine *m, const char *word, bool *known)
{
    static const struct {
        const char *word;
        tay_status (*call)(tay_expr **, const tay_expr *, const tay_expr *);
    } table[] = {{"+", tay_expr_add},
                 {"-", tay_expr_sub},
                 {"*", tay_expr_mul},
                 {"/", tay_expr_div},
                 {"**", tay_expr_pow}};
    tay_expr *result;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(word, table[i].word) != 0) continue;
        const tay_expr *const *args = top(m, 2);
        if (!args) return TAY_ERROR_STATE;
        *known = true;
        tay_status status = table[i].call(&result, args[0], args[1]);
        if (status == TAY_OK) replace(m, 2, result);
        return status;
    }
    bool neg = strcmp(word, "neg") == 0;
    if (!neg && strcmp(word, "sqrt") != 0) return TAY_OK;
    const tay_expr *const *args = top(m, 1);
    if (!args) return TAY_ERROR_STATE;
    *known = true;
    tay_status status = neg ? tay_expr_neg(&result, args[0]) : tay_expr_sqrt(&result, args[0]);
    if (status == TAY_OK) replace(m, 1, result);
    return status;
}

/* A function of the table, sum:n or prod:n. */
static tay_status call(machine *m, const char *word, bool *known)
{
    char name[MAX_WORD];
    const char *colon = strchr(word, ':');
    size_t length = colon ? (size_t)(colon - word) : strlen(word);
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    int function = 0;
    while (function < TAY_N_FUNCTIONS && strcmp(tay__functions[function].name, name) != 0) function++;
    bool sum = strcmp(name, "sum") == 0, prod = strcmp(name, "prod") == 0;
    if (function == TAY_N_FUNCTIONS && !sum && !prod) return TAY_OK;
    *known = true;
    size_t n = colon ? strtoul(colon + 1, NULL, 10) : (size_t)tay__functions[function].arity;
    const tay_expr *const *args = top(m, n);
    if (!args) return TAY_ERROR_STATE;
    tay_expr *result;
    tay_status status = sum    ? tay_expr_sum(&result, args, n)
                        : prod ? tay_expr_prod(&result, args, n)
                               : tay_expr_function(&result, (tay_function)function, args, n);
    if (status == TAY_OK) replace(m, n, result);
    return status;
}

static tay_status leaf(machine *m, const char *word)
{
    char name[MAX_NAME] = "";
    char *end;
    tay_expr *result;
    tay_status status;
    double value = strtod(word, &end);
    if (!top(m, 0)) return TAY_ERROR_STATE;
    if (*end == 0)
        status = tay_expr_number(&result, value);
    else if (strcmp(word, "t") == 0)
        status = tay_expr_time(&result);
    else if (word[0] == 'p' && word[1] >= '0' && word[1] <= '9')
        status = tay_expr_parameter(&result, (uint32_t)strtoul(word + 1, NULL, 10));
    else {
        bool repeated = word[0] == 'v' && word[1] == '#';
        if (repeated) memset(name, 'v', strtoul(word + 2, NULL, 10) % MAX_NAME);
        status = tay_expr_variable(&result, repeated ? name : word);
    }
    if (status == TAY_OK) replace(m, 0, result);
    return status;
}

static tay_status run(machine *m, const char *text)
{
    char word[MAX_WORD];
    int length;
    while (sscanf(text, "%63s%n", word, &length) == 1) {
        text += length;
        bool known = false;
        tay_status status = arithmetic(m, word, &known);
        if (status == TAY_OK && !known) status = call(m, word, &known);
        if (status == TAY_OK && !known) status = leaf(m, word);
        if (status != TAY_OK) return status;
    }
    return m->depth == 1 ? TAY_OK : TAY_ERROR_STATE;
}

tay_status rpn_try(tay_expr **out, const char *text)
{
    machine m = {.depth = 0};
    tay_status status = run(&m, text);
    if (status == TAY_OK) *out = tay_expr_ref(m.stack[0]);
    while (m.depth > 0) tay_expr_unref(m.stack[--m.depth]);
    return status;
}

tay_expr *rpn(const char *text)
{
    tay_expr *e = NULL;
    tay_status status = rpn_try(&e, text);
    if (status != TAY_OK) fail_msg("rpn \"%s\": %s: %s", text, tay_status_name(status), tay_error_message());
    return e;
}

void release(tay_expr **e, size_t n)
{
    for (size_t i = 0; i < n; i++) tay_expr_unref(e[i]);
}

void assert_text(const tay_expr *e, const char *expected)
{
    char *text;
    assert_ok(tay_expr_to_string(&text, e));
    assert_string_equal(text, expected);
    tay_free(text);
}
