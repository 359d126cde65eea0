/* The table of kernels for float; see kernels.c. */
#define TAY__F32
#include "kernels/kernels.c"
