/* Microseconds of one product, by every kernel and either method, and of one FFT: what the costs
 * in choose.c are made from. Usage: bench_ldr [rank] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spectrum.h"
#include "toeplitz_like.h"

static double now(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

typedef struct {
  const kws_ldr_plan *plan;
  size_t batch;
  const float *x;
  float *y, *scratch;
} product;

typedef struct {
  const kws_kernels *kernels;
  size_t m;
  const float *twiddles;
  float *data;
} transform;

static void run_product(void *argument) {
  const product *p = argument;
  kws_ldr_execute(p->plan, p->batch, p->x, p->y, p->scratch);
}

static void run_transform(void *argument) {
  const transform *t = argument;
  t->kernels->forward(t->m, t->twiddles, t->data);
}

/* What is timed, and the least of its times: other programs can only make one longer. */
typedef struct {
  void (*run)(void *);
  void *argument;
  size_t vectors, calls;
  double us;
} timed;

static double sample(const timed *t) {
  const double start = now();
  for (size_t k = 0; k < t->calls; k++) t->run(t->argument);
  return (now() - start) / (double)(t->calls * t->vectors);
}

/* All in turn, so that they have the same conditions. */
static void measure(timed *all, size_t count) {
  for (timed *t = all; t < all + count; t++) {
    t->us = INFINITY;
    for (t->calls = 1; sample(t) * (double)(t->calls * t->vectors) < 50.0;) t->calls *= 2;
  }
  for (int round = 0; round < 60; round++)
    for (timed *t = all; t < all + count; t++) t->us = fmin(t->us, sample(t));
}

static void *aligned(size_t floats) {
  void *memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
  memset(memory, 0, floats * sizeof(float));
  return memory;
}

static float *numbers(size_t count) {
  float *values = aligned(count);
  for (size_t k = 0; k < count; k++) values[k] = (float)(k * 37 % 101) / 101.0f - 0.5f;
  return values;
}

static timed time_product(int n, int rank, size_t batch, kws_ldr_method method) {
  const kws_ldr_shape shape = {n, n, rank};
  const size_t vectors = batch * (size_t)n;
  float *g = numbers((size_t)(n * rank));
  product *p = malloc(sizeof *p);
  *p = (product){.batch = batch, .x = numbers(vectors), .y = aligned(vectors)};
  p->scratch = malloc(kws_ldr_scratch_bytes(&shape, method) + 1);
  p->plan = kws_ldr_plan_init(malloc(kws_ldr_plan_bytes(&shape, method)), &shape, method, g, g,
                              NULL, p->scratch);
  free(g);
  return (timed){run_product, p, batch, 0, 0.0};
}

static timed time_fft(const kws_kernels *kernels, size_t m) {
  transform *t = malloc(sizeof *t);
  float *twiddles = aligned(2 * m);
  kws_fft_twiddles(kernels->width, m, twiddles);
  *t = (transform){kernels, m, twiddles, aligned(2 * m)};
  return (timed){run_transform, t, 1, 0, 0.0};
}

/* A row for every kernel: products by transforms and by matrix for one vector, then for 98, and
 * the FFT of length n where there is one. What it allocates it leaves to the system to free. */
static void bench(int n, int rank) {
  size_t count, used = 0;
  const kws_kernels *const *all = kws_all_kernels(&count);
  timed cases[64];
  for (size_t k = 0; k < count; k++) {
    const size_t m = (size_t)n, least = all[k]->width * all[k]->width;
    cases[used++] = time_product(n, rank, 1, (kws_ldr_method){true, all[k]});
    cases[used++] = time_product(n, rank, 1, (kws_ldr_method){false, all[k]});
    cases[used++] = time_product(n, rank, 98, (kws_ldr_method){true, all[k]});
    cases[used++] = time_product(n, rank, 98, (kws_ldr_method){false, all[k]});
    const bool has_fft = (m & (m - 1)) == 0 && m >= least;
    cases[used++] = time_fft(all[k], has_fft ? m : least);
  }
  measure(cases, used);
  for (size_t k = 0; k < count; k++) {
    printf("%-12s %5d", all[k]->name, n);
    for (size_t i = 0; i < 5; i++) printf(" %10.3f", cases[5 * k + i].us);
    puts("");
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  const int rank = argc > 1 ? atoi(argv[1]) : 1;
  const int sizes[] = {64, 100, 128, 256, 300, 512, 1024, 1674, 2048};
  printf("microseconds a vector, rank %d\n", rank);
  printf("%-12s %5s %10s %10s %10s %10s %10s\n", "kernels", "n", "transforms", "matrix",
         "transf. 98", "matrix 98", "FFT of n");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) bench(sizes[i], rank);
}
