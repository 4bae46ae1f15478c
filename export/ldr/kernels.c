/* Compiled once for every instruction set, with its flags and
 *   KWS_WIDTH    floats in a vector,
 *   KWS_KERNELS  the name of the table to define. */
#include "kernels.h"

#include "dense.h"
#include "fft.h"
#include "filter.h"
#include "transform.h"

static void forward(size_t m, const float *twiddles, float *data) {
  fft_forward(m / W, (const cvec *)twiddles, (cvec *)data);
}

static void inverse(size_t m, const float *twiddles, float *data) {
  fft_inverse(m / W, (const cvec *)twiddles, (cvec *)data);
}

#define STRING(name) #name
#define NAME(name) STRING(name)

extern const kws_kernels KWS_KERNELS;
const kws_kernels KWS_KERNELS = {NAME(KWS_KERNELS), W,        forward, inverse,
                                 circular,          embedded, dense,   filter};
