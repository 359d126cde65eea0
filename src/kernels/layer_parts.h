/*
 * Layers over lanes that are a part of a vector, the half or a quarter (TAY__PARTS: 2, 4; layer.h includes this once for each):
 * vectors of as many members, with their lanes side by side. An operand's lanes are repeated in each part; a vector of numbers
 * is spread over as many vectors as there are lanes. Numbers are the same for all lanes.
 */
#define TAY__PARTS_NAME(name) TAY__PARTS_NAME_2(name, TAY__PARTS)
#define TAY__PARTS_NAME_2(name, parts) TAY__PARTS_NAME_3(name, parts)
#define TAY__PARTS_NAME_3(name, parts) tay__##name##_##parts
#define TAY__LANES (TAY__WIDTH / TAY__PARTS)
#if TAY__WIDTH_OF(TAY__VECTOR_BYTES) / TAY__PARTS == 4
#define TAY__EACH_LANE(f, s) TAY__EACH_4(f, 0, s)
#else
#define TAY__EACH_LANE(f, s) TAY__EACH_8(f, 0, s)
#endif

typedef real TAY__PARTS_NAME(part) __attribute__((vector_size(TAY__VECTOR_BYTES / TAY__PARTS)));

/* The lanes at p, in each part: gcc doubles a vector in a register, but what is more by way of memory. */
TAY__INLINE vec TAY__PARTS_NAME(repeat)(const real *p)
{
    typedef real half __attribute__((vector_size(TAY__VECTOR_BYTES / 2)));
    TAY__PARTS_NAME(part) v;

    memcpy(&v, p, sizeof v);
#define TAY__LANE(e, s) ((e) % (s))
#if TAY__PARTS == 2
    half first = v;
#else
    half first = __builtin_shufflevector(v, v, TAY__EACH_8(TAY__LANE, 0, 4));
#endif
    return __builtin_shufflevector(first, first, TAY__EACH(TAY__LANE, TAY__WIDTH / 2));
#undef TAY__LANE
}

/* The vectors that the numbers at c are for, each of TAY__PARTS members. */
TAY__INLINE void TAY__PARTS_NAME(spread)(vec *to, const real *c)
{
    vec all = tay__load(c);

#define TAY__MEMBER(e, s) ((s) / 2 * TAY__PARTS + (e) / TAY__LANES)
#define TAY__SPREAD(s)                                                                                                 \
    if ((s) / 2 < TAY__LANES) to[(s) / 2] = __builtin_shufflevector(all, all, TAY__EACH(TAY__MEMBER, s));
    TAY__EACH_PAIR(TAY__SPREAD)
#undef TAY__SPREAD
#undef TAY__MEMBER
}

/* Members m, m + 1, ..., of which `left` count. */
TAY__INLINE void TAY__PARTS_NAME(store)(const tay__layer *l, uint32_t m, size_t left, vec v)
{
    tay__run rest = *l->run;

    rest.length = left < TAY__PARTS ? left * TAY__LANES : TAY__WIDTH;
    v *= l->run->factor;
    tay__store_as_is(&rest, l->out + m * l->run->scale, &v, 1);
}

/* The same on the way back, where members are operands, in any order. */
TAY__INLINE void TAY__PARTS_NAME(add)(const tay__layer *l, uint32_t m, size_t left, vec v)
{
#define TAY__OF_PART(e, j) ((j) * TAY__LANES + (e))
#define TAY__ADD_PART(j)                                                                                               \
    if (j < left) {                                                                                                    \
        real *to = l->out + tay__layer_out(l, m + j);                                                                  \
        TAY__PARTS_NAME(part) x = __builtin_shufflevector(v, v, TAY__EACH_LANE(TAY__OF_PART, j)), y = {0};             \
        if (!l->run->fresh) memcpy(&y, to, sizeof y);                                                                  \
        x += y;                                                                                                        \
        memcpy(to, &x, sizeof x);                                                                                      \
    }
    TAY__ADD_PART(0)
    TAY__ADD_PART(1)
#if TAY__PARTS > 2
    TAY__ADD_PART(2)
    TAY__ADD_PART(3)
#endif
#undef TAY__ADD_PART
#undef TAY__OF_PART
}

/* Members m .. m + left - 1, for which there are so many vectors of numbers. */
TAY__INLINE void TAY__PARTS_NAME(layer_block)(const tay__layer *l, uint32_t m, size_t left, int vectors, bool reverse)
{
    const real *c = l->coefs + m;
    vec sum[TAY__PARTS_TILE][TAY__LANES], own[TAY__LANES];

    TAY__UNROLL_TO(2)
    for (int v = 0; v < vectors; v++) {
        TAY__UNROLL_TO(8)
        for (int i = 0; i < TAY__LANES; i++) sum[v][i] = (vec){0};
        if (!reverse && l->constants) TAY__PARTS_NAME(spread)(sum[v], l->constants + m + v * TAY__WIDTH);
    }
    for (uint32_t k = 0; k < l->n_terms; k++, c += l->coef_step) {
        vec x = TAY__PARTS_NAME(repeat)(l->in + (l->in_slots ? (size_t)l->in_slots[k] * l->run->scale : k * l->in_step));
        TAY__UNROLL_TO(2)
        for (int v = 0; v < vectors; v++) {
            TAY__PARTS_NAME(spread)(own, c + v * TAY__WIDTH);
            TAY__UNROLL_TO(8)
            for (int i = 0; i < TAY__LANES; i++) sum[v][i] += own[i] * x;
        }
    }
    TAY__UNROLL_TO(2)
    for (int v = 0; v < vectors; v++) {
        TAY__UNROLL_TO(8)
        for (int i = 0; i < TAY__LANES; i++) {
            size_t first = (size_t)(v * TAY__LANES + i) * TAY__PARTS;
            if (first >= left) break;
            if (reverse) TAY__PARTS_NAME(add)(l, m + (uint32_t)first, left - first, sum[v][i]);
            else TAY__PARTS_NAME(store)(l, m + (uint32_t)first, left - first, sum[v][i]);
        }
    }
}

/* All lanes of a tile: one vector of numbers, or as many as there may be. */
TAY__INLINE void TAY__PARTS_NAME(layer_tile)(const tay__layer *l, uint32_t m, size_t members, bool reverse)
{
    if (members > TAY__WIDTH) TAY__PARTS_NAME(layer_block)(l, m, members, TAY__PARTS_TILE, reverse);
    else TAY__PARTS_NAME(layer_block)(l, m, members, 1, reverse);
}

#undef TAY__LANES
#undef TAY__EACH_LANE
#undef TAY__PARTS_NAME
#undef TAY__PARTS_NAME_2
#undef TAY__PARTS_NAME_3
