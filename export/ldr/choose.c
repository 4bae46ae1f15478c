#include "toeplitz_like.h"

/* What a product costs: one complex FFT of length m with the products around it, over m log2 m, and
 * one multiplication with the matrix, for a vector alone and when six or more share the matrix.
 * On x86 in picoseconds, measured by export/tools/bench_ldr.c on an AMD EPYC of the Zen 4
 * generation, whose AVX-512 pays only in the last of the three; elsewhere in thousandths of
 * instructions of a Cortex-A53, counted by kws/benchmark/instructions.py. In the order of
 * kws_all_kernels. */
typedef struct {
  double transform, one, many;
} costs;

#ifdef __x86_64__
static const costs COSTS[] = {
    {600.0, 110.0, 160.0}, {180.0, 61.0, 52.0}, {91.0, 37.0, 18.2}, {96.0, 38.5, 17.6}};
#else
static const costs COSTS[] = {{9000.0, 1750.0, 1350.0}, {2900.0, 550.0, 345.0}};
#endif

static double cost(const kws_ldr_shape *shape, size_t batch, kws_ldr_method method, costs c) {
  if (!method.by_transforms) {
    const size_t panel = 2 * method.kernels->width;
    const size_t units = ((size_t)shape->units + panel - 1) / panel * panel;
    return (double)units * (double)shape->inputs * (batch < 6 ? c.one : c.many);
  }
  const size_t m = kws_ldr_fft_length(shape, method.kernels);
  double log2_m = 0.0;
  for (size_t length = m; length > 1; length /= 2) log2_m++;
  return (2.0 * shape->rank + 2.0) * (double)m * log2_m * c.transform;
}

kws_ldr_method kws_ldr_choose(const kws_ldr_shape *shape, size_t batch) {
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  kws_ldr_method best = {false, all[0]};
  double least = cost(shape, batch, best, COSTS[0]);
  for (size_t i = 1; i < 2 * count; i++) {
    const kws_ldr_method method = {i % 2, all[i / 2]};
    const double estimate = cost(shape, batch, method, COSTS[i / 2]);
    if (estimate < least) {
      least = estimate;
      best = method;
    }
  }
  return best;
}
