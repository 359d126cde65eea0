/*
 * x modulo pi/2 for huge x: x = m 2^e times 192 bits of 2/pi, those that matter modulo 4 and 128 bits behind the binary
 * point [PayneHanek1983; Muller2016, 11.4]. Scalar, exact to about 2^-75 relative: no double is closer than 2^-62 to a multiple
 * of pi/2.
 */
#include "kernels/vmath_huge.h"

#include <math.h>

/* 64 zeros, then the bits of 2/pi: bit i, counted from the left, weighs 2^(63 - i). From tools/minimax_vmath.py. */
static const uint64_t two_over_pi[20] = {
    0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41,
    0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
};

int64_t tay__reduce_huge(double *r, double *r_lo, double x)
{
    int exponent = ilogb(x) - 52;
    uint64_t m = (uint64_t)scalbn(x, -exponent);
    int first = 62 + exponent, word = first / 64, shift = first % 64; /* weight 2, after multiplication by 2^exponent */
    uint64_t window[3];
    for (int i = 0; i < 3; i++) {
        const uint64_t *t = &two_over_pi[word + i];
        window[i] = shift == 0 ? t[0] : t[0] << shift | t[1] >> (64 - shift);
    }
    /* m times the window modulo 2^192: two bits before the binary point. */
    unsigned __int128 low = (unsigned __int128)m * window[2], middle = (unsigned __int128)m * window[1] + (low >> 64);
    uint64_t high = m * window[0] + (uint64_t)(middle >> 64);
    unsigned __int128 top = (unsigned __int128)high << 64 | (uint64_t)middle;
    __int128 fraction = (__int128)(top << 2 | (uint64_t)low >> 62); /* less 1 from 1/2 on */
    int64_t n = (int64_t)(high >> 62) + (fraction < 0);

    double f = (double)fraction, f_lo = (double)(fraction - (__int128)f);
    double product = f * 0x1.921fb54442d18p+0, rest = fma(f, 0x1.921fb54442d18p+0, -product);
    rest += f * 0x1.1a62633145c07p-54 + f_lo * 0x1.921fb54442d18p+0;
    *r = scalbn(product + rest, -128);
    *r_lo = scalbn((product - (product + rest)) + rest, -128);
    return n;
}
