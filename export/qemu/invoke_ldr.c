/* Computes so many products by one method, for its instructions to be counted:
 *     invoke_ldr KERNELS N RANK BATCH matrix|transforms CALLS
 * The costs of ARM in ldr/choose.c come from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toeplitz_like.h"

static const kws_kernels *kernels_named(const char *name) {
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(all[i]->name, name) == 0) return all[i];
  return NULL;
}

static float *numbers(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t k = 0; k < count; k++) values[k] = (float)(k * 37 % 101) / 101.0f - 0.5f;
  return values;
}

int main(int argc, char **argv) {
  const kws_ldr_method method = {argc == 7 && strcmp(argv[5], "transforms") == 0,
                                 argc == 7 ? kernels_named(argv[1]) : NULL};
  if (!method.kernels) {
    fprintf(stderr, "usage: %s KERNELS N RANK BATCH matrix|transforms CALLS\n", argv[0]);
    return 2;
  }
  const int n = atoi(argv[2]);
  const size_t batch = (size_t)atoi(argv[4]);
  const kws_ldr_shape shape = {n, n, atoi(argv[3])};
  const size_t bytes = kws_ldr_plan_bytes(&shape, method);
  if (!bytes) return 2;
  float *g = numbers((size_t)(n * shape.rank)), *x = numbers(batch * (size_t)n);
  float *y = numbers(batch * (size_t)n);
  void *scratch = malloc(kws_ldr_scratch_bytes(&shape, method) + 1);
  const kws_ldr_plan *plan = kws_ldr_plan_init(malloc(bytes), &shape, method, g, g, NULL, scratch);
  for (int calls = atoi(argv[6]); calls > 0; calls--) kws_ldr_execute(plan, batch, x, y, scratch);
  return 0;
}
