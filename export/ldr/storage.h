/* Generators as a model file stores them: rank x n numbers of 4, 2 or 1 bytes. */
#ifndef KWS_STORAGE_H
#define KWS_STORAGE_H

#include <stddef.h>
#include <stdint.h>

/* The value of an IEEE 754 half-precision number. */
float kws_half(uint16_t bits);

/* values[i] = halves[i], count of them. halves may have any alignment. */
void kws_read_halves(size_t count, const void *halves, float *values);

/* values[i][k] = scales[i] bytes[i][k], rank x n. scales may have any alignment. */
void kws_read_scaled(size_t rank, size_t n, const int8_t *bytes, const void *scales, float *values);

#endif
