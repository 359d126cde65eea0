/* The way back does not exist for float; see reverse.c. */
#define TAY__F32
#include "kernels/reverse.c"
