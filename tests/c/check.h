/* What the C tests share: counted failures, and numbers that are the same in every run. */
#ifndef KWS_TESTS_CHECK_H
#define KWS_TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>

static int failures;

static void expect(int condition, const char *what, double value) {
  if (condition) return;
  fprintf(stderr, "failed: %s (%g)\n", what, value);
  failures++;
}

static uint32_t seed = 1;

static float uniform(void) { /* xorshift, in [-1, 1) */
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return (float)seed / 2147483648.0f - 1.0f;
}

#endif
