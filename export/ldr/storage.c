#include "storage.h"

#include <math.h>
#include <string.h>

float kws_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float sign = bits >> 15 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * ldexpf((float)fraction, -24);
  return sign * ldexpf((float)(1024 + fraction), exponent - 25);
}

void kws_read_halves(size_t count, const void *halves, float *values) {
  for (size_t i = 0; i < count; i++) {
    uint16_t bits;
    memcpy(&bits, (const char *)halves + i * sizeof bits, sizeof bits);
    values[i] = kws_half(bits);
  }
}

void kws_read_scaled(size_t rank, size_t n, const int8_t *bytes, const void *scales,
                     float *values) {
  for (size_t i = 0; i < rank; i++) {
    float scale;
    memcpy(&scale, (const char *)scales + i * sizeof scale, sizeof scale);
    for (size_t k = 0; k < n; k++) values[i * n + k] = scale * (float)bytes[i * n + k];
  }
}
