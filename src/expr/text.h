/*
 * Text that grows, and numbers as text whatever the locale (text.c): private to expr/.
 */
#ifndef TAY__TEXT_H
#define TAY__TEXT_H

#include "base/base.h"

/* Enough for every number below, with its 0. */
enum { TAY__NUMBER_SIZE = 32 };

/* All 17 significant digits, as printf("%#.17g"). */
void tay__text_of_number(char text[TAY__NUMBER_SIZE], double value);
/* As many digits as are needed to read the same number back, without trailing zeros: 0.1, 1, 1e-05. */
void tay__text_of_number_short(char text[TAY__NUMBER_SIZE], double value);

/* Appends to an array of char. */
tay_status tay__text_append(tay__array *text, const char *piece);

#endif
