/* A spotter with a real TFLite library and model:
 *     test_runner LIBTENSORFLOWLITE_C MODEL
 * allocates nothing while it listens, begins anew after a reset, hears chunks of any size alike,
 * and survives copies of the model with any bit flipped or cut off. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kws_spotter.h"

static int failures;

static void expect(int condition, const char *what, double value) {
  if (condition) return;
  fprintf(stderr, "failed: %s (%g)\n", what, value);
  failures++;
}

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
/* The program's own allocator, which the libraries it opens use too. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static volatile long allocations;

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  allocations++;
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  allocations++;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : 12;
}
#else
static long allocations;
#endif

enum { SECONDS = 20, RATE = 16000, MOST = 64 };

static float audio[SECONDS * RATE];

/* Noise in bursts: enough to move the scores about. */
static void make_audio(void) {
  uint32_t seed = 1;
  for (size_t i = 0; i < SECONDS * RATE; i++) {
    seed = seed * 1664525u + 1013904223u;
    const double burst = sin((double)i / 9000.0), tone = sin((double)i * (0.1 + 0.05 * burst));
    audio[i] =
        (float)(burst * burst * (0.3 * tone + 0.1 * ((double)(seed >> 8) / 8388608.0 - 1.0)));
  }
}

static int listen(kws_spotter *spotter, size_t chunk, kws_detection *found, float *scores) {
  int count = 0;
  expect(kws_spotter_reset(spotter), "reset", 0);
  for (size_t at = 0; at < SECONDS * RATE; at += chunk) {
    const size_t size = at + chunk <= SECONDS * RATE ? chunk : SECONDS * RATE - at;
    const int more = kws_spotter_feed(spotter, audio + at, size, found + count, MOST - count);
    expect(more >= 0 && count + more <= MOST, "feed", more);
    count += more;
  }
  memcpy(scores, kws_spotter_scores(spotter), (size_t)kws_spotter_labels(spotter) * sizeof *scores);
  return count;
}

static void test_stream(kws_spotter *spotter) {
  static kws_detection whole[MOST], found[MOST];
  static float scores[256], expected[256];
  for (int label = 0; label < kws_spotter_labels(spotter); label++)
    kws_spotter_set_threshold(spotter, label, 0.2f);
  const int count = listen(spotter, SECONDS * RATE, whole, expected);
  const size_t chunks[] = {1600, 37, 16000, 1};
  for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
    const long before = allocations;
    expect(listen(spotter, chunks[i], found, scores) == count, "detections", (double)chunks[i]);
    expect(allocations == before, "allocations while listening", (double)(allocations - before));
    for (int k = 0; k < count; k++)
      expect(found[k].time == whole[k].time && found[k].label == whole[k].label, "detection", k);
    for (int k = 0; k < kws_spotter_labels(spotter); k++)
      expect(scores[k] == expected[k], "score", k);
  }
  printf("%d detections in %d s of noise, %ld allocations so far\n", count, SECONDS, allocations);
}

static void test_damaged(unsigned char *model, size_t bytes, const kws_spotter_options *options) {
  char message[256];
  uint32_t seed = 1;
  for (int i = 0; i < 200; i++) {
    seed = seed * 1664525u + 1013904223u;
    const size_t at = (seed >> 8) % bytes;
    model[at] ^= (unsigned char)(1 << (seed & 7));
    kws_spotter *spotter = kws_spotter_create(model, bytes, options, message, sizeof message);
    expect(!spotter && !strchr(message, '\n'), "a flipped bit", (double)at);
    kws_spotter_destroy(spotter);
    model[at] ^= (unsigned char)(1 << (seed & 7));
    spotter = kws_spotter_create(model, at, options, message, sizeof message);
    expect(!spotter && message[0], "cut off", (double)at);
    kws_spotter_destroy(spotter);
  }
}

int main(int argc, char **argv) {
  static unsigned char model[1 << 22];
  FILE *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
  if (!file) {
    fprintf(stderr, "usage: test_runner LIBTENSORFLOWLITE_C MODEL\n");
    return 2;
  }
  const size_t bytes = fread(model, 1, sizeof model, file);
  fclose(file);
  char message[256] = "";
  kws_spotter_options options = {.tflite_library = argv[1]};
  kws_spotter *spotter = kws_spotter_create(model, bytes, &options, message, sizeof message);
  if (!spotter) {
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  make_audio();
  test_stream(spotter);
  kws_spotter_destroy(spotter);
  test_damaged(model, bytes, &options);
  options.tflite_library = "/nowhere/libtensorflowlite_c.so";
  expect(!kws_spotter_create(model, bytes, &options, message, sizeof message), "no library", 0);
  options.tflite_library = "libm.so.6";
  expect(!kws_spotter_create(model, bytes, &options, message, sizeof message), "another one", 0);
  if (!failures) puts("ok");
  return failures != 0;
}
