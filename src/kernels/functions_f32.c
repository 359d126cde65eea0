/* functions.c for float. */
#define TAY__F32
#include "kernels/functions.c"
