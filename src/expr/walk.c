/*
 * Walking over expressions as graphs: every node once, children first, with an explicit stack.
 */
#include "expr/expr.h"

/* A node whose argument `next` is to be visited. */
typedef struct frame {
    const tay_expr *e;
    uint32_t next;
} frame;

typedef struct walk {
    tay__array stack;
    tay__map index;
    tay__array nodes;
} walk;

static tay_status enter(walk *w, const tay_expr *e)
{
    if (tay__map_get(&w->index, (uintptr_t)e)) return TAY_OK;
    return tay__array_push(&w->stack, &(frame){.e = e});
}

/* Continues with the top of the stack: its next argument, or, after the last, the node itself. */
static tay_status advance(walk *w)
{
    frame *top = (frame *)w->stack.data + w->stack.count - 1;
    if (top->next < top->e->n_args) return enter(w, top->e->u.args[top->next++]);
    const tay_expr *e = top->e;
    w->stack.count--;
    tay_status status = tay__map_set(&w->index, (uintptr_t)e, w->nodes.count);
    return status == TAY_OK ? tay__array_push(&w->nodes, &e) : status;
}

tay_status tay__expr_postorder(const tay_expr ***nodes, size_t *count, tay__map *index, const tay_expr *const *e,
                               size_t n)
{
    tay_status status = TAY_OK;
    walk w = {.stack = TAY__ARRAY(frame), .nodes = TAY__ARRAY(const tay_expr *)};
    for (size_t i = 0; i < n; i++) {
        TAY_TRY(enter(&w, e[i]));
        while (w.stack.count > 0) TAY_TRY(advance(&w));
    }
    *nodes = w.nodes.data;
    *count = w.nodes.count;
    w.nodes.data = NULL;
    if (index) {
        *index = w.index;
        w.index = (tay__map){0};
    }
out:
    tay__array_free(&w.stack);
    tay__array_free(&w.nodes);
    tay__map_free(&w.index);
    return status;
}
