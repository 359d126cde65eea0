/*
 * The real type and the vectors that a file of this area is compiled for.
 *
 * Each file x.c is compiled once per instruction set (TAY__ISA: baseline, avx2, avx512; TAY__VECTOR_BYTES: 16, 32, 64)
 * for double, and again for float by x_f32.c, which defines TAY__F32 and includes x.c. Whatever is not static is named
 * through TAY__NAME: TAY__NAME(evaluate) is tay__evaluate_avx2_f64.
 *
 * Vectors are GNU vector types: operators work element by element, a comparison gives integers with no bits or all bits
 * set. Integer arithmetic is on uvec, where overflow is defined.
 */
#ifndef TAY__REAL_H
#define TAY__REAL_H

#include <stdint.h>
#include <string.h>

#ifdef TAY__F32
typedef float real;
typedef int32_t integer;
typedef uint32_t natural;
#define TAY__SUFFIX f32
#define TAY__PACKED _ps
#else
typedef double real;
typedef int64_t integer;
typedef uint64_t natural;
#define TAY__SUFFIX f64
#define TAY__PACKED _pd
#endif

#define TAY__PASTE3(name, isa, suffix) tay__##name##_##isa##_##suffix
#define TAY__PASTE(name, isa, suffix) TAY__PASTE3(name, isa, suffix)
#define TAY__NAME(name) TAY__PASTE(name, TAY__ISA, TAY__SUFFIX)

typedef real vec __attribute__((vector_size(TAY__VECTOR_BYTES)));
typedef integer ivec __attribute__((vector_size(TAY__VECTOR_BYTES)));
typedef natural uvec __attribute__((vector_size(TAY__VECTOR_BYTES)));

/* Elements of a vector. */
enum { TAY__WIDTH = TAY__VECTOR_BYTES / sizeof(real) };

/* f(e, s), ... for all elements e of a vector, as __builtin_shufflevector takes them; f(e) for every other one. */
#define TAY__EACH_2(f, e, s) f(e, s), f(e + 1, s)
#define TAY__EACH_4(f, e, s) TAY__EACH_2(f, e, s), TAY__EACH_2(f, e + 2, s)
#define TAY__EACH_8(f, e, s) TAY__EACH_4(f, e, s), TAY__EACH_4(f, e + 4, s)
#define TAY__EACH_16(f, e, s) TAY__EACH_8(f, e, s), TAY__EACH_8(f, e + 8, s)
#ifdef TAY__F32
#define TAY__WIDTH_OF(bytes) (bytes / 4)
#else
#define TAY__WIDTH_OF(bytes) (bytes / 8)
#endif
#if TAY__WIDTH_OF(TAY__VECTOR_BYTES) == 2
#define TAY__EACH(f, s) TAY__EACH_2(f, 0, s)
#define TAY__EACH_PAIR(f) f(0)
#elif TAY__WIDTH_OF(TAY__VECTOR_BYTES) == 4
#define TAY__EACH(f, s) TAY__EACH_4(f, 0, s)
#define TAY__EACH_PAIR(f) f(0) f(2)
#elif TAY__WIDTH_OF(TAY__VECTOR_BYTES) == 8
#define TAY__EACH(f, s) TAY__EACH_8(f, 0, s)
#define TAY__EACH_PAIR(f) f(0) f(2) f(4) f(6)
#elif TAY__WIDTH_OF(TAY__VECTOR_BYTES) == 16
#define TAY__EACH(f, s) TAY__EACH_16(f, 0, s)
#define TAY__EACH_PAIR(f) f(0) f(2) f(4) f(6) f(8) f(10) f(12) f(14)
#endif

/* Any address, aligned or not. */
static inline vec tay__load(const real *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void tay__store(real *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

/* The first n <= TAY__WIDTH elements at p, zeros behind them; nothing else is read. */
static inline vec tay__load_part(const real *p, size_t n)
{
    real padded[TAY__WIDTH] = {0};
    for (size_t i = 0; i < n; i++) padded[i] = p[i];
    return tay__load(padded);
}

static inline void tay__store_part(real *p, vec v, size_t n)
{
    real padded[TAY__WIDTH];
    tay__store(padded, v);
    for (size_t i = 0; i < n; i++) p[i] = padded[i];
}

/* All elements x. */
static inline vec tay__splat(real x)
{
    return x - (vec){0}; /* x + 0 would lose the sign of -0 */
}

/* Element i is a[i] where all bits of mask[i] are set, b[i] where none is. Compiles to one blend. */
static inline vec tay__blend(uvec mask, vec a, vec b)
{
    return (vec)((mask & (uvec)a) | (~mask & (uvec)b));
}

/* a where mask, else +0. */
static inline vec tay__keep(uvec mask, vec a)
{
    return (vec)(mask & (uvec)a);
}

/* a b + c as one rounding, where the processor can. gcc contracts this form so; clang may choose another product of a sum. */
#ifdef __clang__
#define tay__multiply_add(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define tay__multiply_add(a, b, c) ((a) * (b) + (c))
#endif

/*
 * Minimum a < b ? a : b and maximum a > b ? a : b: b if one is NaN. GCC does not see that the blend is one instruction:
 * the only use of a processor's intrinsics.
 */
#if defined(__x86_64__) && !defined(__clang__)
#include <immintrin.h>
#define TAY__PREFIX_16 _mm_
#define TAY__PREFIX_32 _mm256_
#define TAY__PREFIX_64 _mm512_
#define TAY__INTRINSIC4(prefix, name, type) prefix##name##type
#define TAY__INTRINSIC3(prefix, name, type) TAY__INTRINSIC4(prefix, name, type)
#define TAY__INTRINSIC2(bytes, name) TAY__INTRINSIC3(TAY__PREFIX_##bytes, name, TAY__PACKED)
#define TAY__INTRINSIC(bytes, name) TAY__INTRINSIC2(bytes, name)
#define tay__min TAY__INTRINSIC(TAY__VECTOR_BYTES, min)
#define tay__max TAY__INTRINSIC(TAY__VECTOR_BYTES, max)
#else
static inline vec tay__min(vec a, vec b)
{
    return tay__blend(a < b, a, b);
}

static inline vec tay__max(vec a, vec b)
{
    return tay__blend(a > b, a, b);
}
#endif

/* Whether some element of mask is not 0. Code made at run time keeps short loops like gcc's. */
static inline int tay__any(uvec mask)
{
#ifdef __clang__
    return __builtin_reduce_or(mask) != 0;
#else
    natural any = 0;
    for (int i = 0; i < TAY__WIDTH; i++) any |= mask[i];
    return any != 0;
#endif
}

#endif
