/* Microseconds of one product, by every kernel and either method, and of one FFT: what the costs
 * in choose.c are made from. Usage: bench_ldr [rank] */
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

/* The least of many short runs: other programs can only make one longer. */
static double least(void (*run)(void *), void *argument) {
  size_t calls = 1;
  double start = now(), best = 1e30;
  for (run(argument); now() - start < 50.0; calls++) run(argument);
  for (int i = 0; i < 100; i++) {
    start = now();
    for (size_t k = 0; k < calls; k++) run(argument);
    const double time = (now() - start) / (double)calls;
    best = time < best ? time : best;
  }
  return best;
}

static double time_product(int n, int rank, size_t batch, kws_ldr_method method) {
  const kws_ldr_shape shape = {n, n, rank};
  const size_t generators = (size_t)(n * rank), vectors = batch * (size_t)n;
  float *g = malloc(generators * sizeof *g);
  product p = {.batch = batch, .y = malloc(vectors * sizeof *p.y)};
  float *x = malloc(vectors * sizeof *x);
  for (size_t k = 0; k < generators; k++) g[k] = (float)(k * 7 % 16) / 16.0f - 0.5f;
  for (size_t k = 0; k < vectors; k++) x[k] = (float)(k * 5 % 32) / 32.0f - 0.5f;
  void *memory = malloc(kws_ldr_plan_bytes(&shape, method));
  p.scratch = malloc(kws_ldr_scratch_bytes(&shape, method) + 1);
  p.plan = kws_ldr_plan_init(memory, &shape, method, g, g, NULL, p.scratch);
  p.x = x;
  const double time = least(run_product, &p) / (double)batch;
  free(g), free(x), free(p.y), free(memory), free(p.scratch);
  return time;
}

static double time_fft(const kws_kernels *kernels, size_t m) {
  float *twiddles = aligned_alloc(64, 8 * m), *data = aligned_alloc(64, 8 * m);
  memset(data, 0, 8 * m);
  kws_fft_twiddles(kernels->width, m, twiddles);
  const double time = least(run_transform, &(transform){kernels, m, twiddles, data});
  free(twiddles), free(data);
  return time;
}

int main(int argc, char **argv) {
  const int rank = argc > 1 ? atoi(argv[1]) : 1;
  const int sizes[] = {64, 100, 128, 256, 300, 512, 1024, 1674, 2048, 4096};
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  printf("microseconds a vector, rank %d\n", rank);
  printf("%-12s %5s %10s %10s %10s %10s %10s\n", "kernels", "n", "transforms", "matrix",
         "transf. 98", "matrix 98", "FFT of n");
  for (size_t k = 0; k < count; k++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      const int n = sizes[i];
      const kws_ldr_method fast = {true, all[k]}, dense = {false, all[k]};
      const size_t m = (size_t)n, smallest = all[k]->width * all[k]->width;
      printf("%-12s %5d %10.3f %10.3f %10.3f %10.3f", all[k]->name, n,
             time_product(n, rank, 1, fast), time_product(n, rank, 1, dense),
             time_product(n, rank, 98, fast), time_product(n, rank, 98, dense));
      if ((m & (m - 1)) == 0 && m >= smallest) printf(" %10.3f", time_fft(all[k], m));
      puts("");
      fflush(stdout);
    }
}
