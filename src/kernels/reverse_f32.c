/* The way back for float; see reverse.c. */
#define TAY__F32
#include "kernels/reverse.c"
