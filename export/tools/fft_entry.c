/* A way into the FFTs for compare_ffts.py; no part of the op library. */
#include <stddef.h>

#include "kernels.h"
#include "spectrum.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED const char *fft_name(size_t index);
EXPORTED size_t fft_width(size_t index);
EXPORTED void fft_twiddles(size_t index, size_t m, float *twiddles);
EXPORTED void fft_forward(size_t index, size_t m, const float *twiddles, float *data, size_t count);
EXPORTED size_t fft_frequency(size_t index, size_t m, size_t place);

static const kws_kernels *kernels(size_t index) {
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  return index < count ? all[index] : NULL;
}

/* The kernels' name, or NULL behind the last. */
const char *fft_name(size_t index) { return kernels(index) ? kernels(index)->name : NULL; }

size_t fft_width(size_t index) { return kernels(index)->width; }

void fft_twiddles(size_t index, size_t m, float *twiddles) {
  kws_fft_twiddles(kernels(index)->width, m, twiddles);
}

size_t fft_frequency(size_t index, size_t m, size_t place) {
  return kws_fft_frequency(kernels(index)->width, m, place);
}

/* `count` transforms of arrays that lie behind each other, aligned to 64 bytes. */
void fft_forward(size_t index, size_t m, const float *twiddles, float *data, size_t count) {
  for (size_t i = 0; i < count; i++) kernels(index)->forward(m, twiddles, data + i * 2 * m);
}
