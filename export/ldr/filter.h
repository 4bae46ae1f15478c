/* A filter along time in each channel, with what follows it in the temporal network. Channels lie
 * side by side, so a vector holds W of them and every tap is a multiplication of vectors. */
#ifndef KWS_FILTER_H
#define KWS_FILTER_H

#include "kernels.h"
#include "simd.h"

INLINE vec filtered(const kws_filter *f, size_t channel, size_t count, const float *x,
                    const float *shortcut) {
  vec sum = load_some(f->bias + channel, count);
  if (shortcut) sum += load_some(shortcut + channel, count);
  for (size_t k = 0; k < f->taps; k++)
    sum += load_some(f->weights + k * f->channels + channel, count) *
           load_some(x + k * f->channels + channel, count);
  return positive(sum);
}

static void filter(const kws_filter *f, size_t steps, const float *x, const float *shortcut,
                   float *y) {
  const size_t channels = f->channels;
  for (size_t t = 0; t < steps; t++, x += f->stride * channels, y += channels) {
    size_t channel = 0;
    for (; channel + W <= channels; channel += W)
      store(y + channel, filtered(f, channel, W, x, shortcut));
    /* What is left over is done with some of what is done, if there are so many. */
    if (channel < channels && channels >= W)
      store(y + channels - W, filtered(f, channels - W, W, x, shortcut));
    else if (channel < channels)
      store_some(y, filtered(f, 0, channels, x, shortcut), channels);
    if (shortcut) shortcut += channels;
  }
}

#endif
