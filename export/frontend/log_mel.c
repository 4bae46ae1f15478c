#include "log_mel.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"
#include "kernels_log_mel.h"
#include "spectrum.h"

enum { LARGEST_WINDOW = 1 << 14, MOST_BANDS = 1 << 10, ALIGNMENT = 64 };

extern const kws_mel_kernels kws_scalar_mel, kws_simd4_mel, kws_avx2_mel, kws_avx512_mel;

struct kws_log_mel {
  size_t window, hop, bands, filled;
  const kws_kernels *fft;
  const kws_mel_kernels *kernels;
  kws_mel mel;
  float *twiddles;
  float *pending;  /* the samples of the next frame, then zeros: 2 m */
  float *data;     /* m complex numbers in blocks */
  float *work;     /* of the kernels */
  float *features; /* padded to whole vectors */
};

size_t kws_frontend_window(const kws_frontend *f) {
  return (size_t)nearbyint(f->rate * f->window_ms / 1000.0);
}

size_t kws_frontend_hop(const kws_frontend *f) {
  return (size_t)nearbyint(f->rate * f->hop_ms / 1000.0);
}

/* Length of the complex FFT: half of the window's next power of two. */
static size_t fft_length(const kws_frontend *f) {
  size_t m = 1;
  while (2 * m < kws_frontend_window(f)) m *= 2;
  return m;
}

static double to_mel(double hz) { return 2595.0 * log10(1.0 + hz / 700.0); }

static double corner_hz(const kws_frontend *f, int corner) {
  const double low = to_mel(f->low_hz), high = to_mel(f->high_hz);
  const double mel = low + (high - low) * corner / (f->bands + 1);
  return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
}

/* The band's weight of a bin, a triangle over its three corners. */
static float weight(const kws_frontend *f, int band, size_t bin) {
  const double left = corner_hz(f, band), centre = corner_hz(f, band + 1);
  const double right = corner_hz(f, band + 2);
  const double hz = (double)bin * f->rate / (2.0 * (double)fft_length(f));
  return (float)fmax(0.0, fmin((hz - left) / (centre - left), (right - hz) / (right - centre)));
}

/* The bins on which the band's triangle stands: from *first on, so many. */
static size_t bins_of(const kws_frontend *f, int band, size_t *first) {
  const double spacing = f->rate / (2.0 * (double)fft_length(f));
  const size_t end = (size_t)fmin(ceil(corner_hz(f, band + 2) / spacing), f->rate / spacing / 2.0);
  *first = (size_t)fmax(0.0, corner_hz(f, band) / spacing);
  while (*first <= end && weight(f, band, *first) == 0.0f) (*first)++;
  size_t last = end;
  while (last > *first && weight(f, band, last) == 0.0f) last--;
  return *first <= end ? last + 1 - *first : 0;
}

const char *kws_frontend_fault(const kws_frontend *f) {
  if (f->rate != 16000.0) return "the sample rate is not 16000";
  if (!(f->hop_ms > 0.0 && f->hop_ms <= f->window_ms)) return "the hop does not fit the window";
  if (!(f->window_ms <= 1000.0 * LARGEST_WINDOW / f->rate)) return "the window is too long";
  if (kws_frontend_hop(f) < 1 || kws_frontend_window(f) < 3) return "the window is too short";
  if (!(f->low_hz >= 0.0 && f->low_hz < f->high_hz && f->high_hz <= f->rate / 2.0))
    return "the bands' range is not within half the sample rate";
  if (!(f->bands >= 1 && f->bands <= MOST_BANDS)) return "the number of bands is out of range";
  if (!((float)f->floor >= 1e-30f && f->floor <= 1e30)) return "the floor is out of range";
  for (int band = 0; band < f->bands; band++) {
    size_t first;
    if (bins_of(f, band, &first) == 0) return "the bands are too narrow";
  }
  return NULL;
}

/* Tests lower it to try the kernels of every width. */
extern size_t kws_mel_widest;
size_t kws_mel_widest = 16;

/* The widest kernels whose FFT is not longer than the frame's. */
static const kws_mel_kernels *choose(size_t m, const kws_kernels **fft) {
#ifdef __x86_64__
  static const kws_mel_kernels *const own[] = {&kws_scalar_mel, &kws_simd4_mel, &kws_avx2_mel,
                                               &kws_avx512_mel};
#else
  static const kws_mel_kernels *const own[] = {&kws_scalar_mel, &kws_simd4_mel};
#endif
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  for (; count > 1; count--) {
    const size_t width = all[count - 1]->width;
    if (width <= kws_mel_widest && width * width <= m) break;
  }
  *fft = all[count - 1];
  return own[count - 1];
}

static size_t rounded_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* The next piece of memory; with a null base it is only counted. */
static void *take(char *base, size_t *taken, size_t bytes) {
  char *piece = base ? base + *taken : NULL;
  *taken += rounded_up(bytes, ALIGNMENT);
  return piece;
}

static size_t blocks_of(const kws_frontend *f, int band, size_t width, size_t *first) {
  return rounded_up(bins_of(f, band, first), width) / width;
}

/* The stream's arrays behind each other from base on; returns the bytes they take. */
static size_t lay_out(kws_log_mel *s, const kws_frontend *f, char *base) {
  const size_t m = s->mel.m, width = s->kernels->width;
  size_t taken = 0, blocks = 0, first;
  for (int band = 0; band < f->bands; band++) blocks += blocks_of(f, band, width, &first);
  take(base, &taken, sizeof *s);
  s->twiddles = take(base, &taken, 2 * m * sizeof(float));
  s->pending = take(base, &taken, 2 * m * sizeof(float));
  s->data = take(base, &taken, 2 * m * sizeof(float));
  s->work = take(base, &taken, kws_mel_work(m, width) * sizeof(float));
  s->features = take(base, &taken, s->mel.bands * sizeof(float));
  s->mel.hann = take(base, &taken, 2 * m * sizeof(float));
  s->mel.frequency = take(base, &taken, m * sizeof(uint16_t));
  s->mel.roots = take(base, &taken, m * sizeof(float));
  s->mel.band = take(base, &taken, s->mel.bands * sizeof(kws_mel_band));
  s->mel.weights = take(base, &taken, blocks * width * sizeof(float));
  return taken;
}

static kws_log_mel described(const kws_frontend *f) {
  kws_log_mel s = {.window = kws_frontend_window(f), .hop = kws_frontend_hop(f)};
  s.bands = (size_t)f->bands;
  s.mel.m = fft_length(f);
  s.kernels = choose(s.mel.m, &s.fft);
  s.mel.bands = rounded_up(s.bands, s.kernels->width);
  s.mel.floor = (float)f->floor;
  return s;
}

size_t kws_log_mel_bytes(const kws_frontend *f) {
  kws_log_mel s = described(f);
  return lay_out(&s, f, NULL) + ALIGNMENT;
}

static void fill_bands(const kws_frontend *f, size_t width, kws_mel_band *bands, float *weights) {
  for (int band = 0; band < f->bands; band++) {
    size_t first;
    const size_t blocks = blocks_of(f, band, width, &first);
    bands[band] = (kws_mel_band){(uint16_t)first, (uint16_t)blocks};
    for (size_t i = 0; i < blocks * width; i++) *weights++ = weight(f, band, first + i);
  }
}

kws_log_mel *kws_log_mel_init(void *memory, const kws_frontend *f) {
  char *base = (char *)rounded_up((uintptr_t)memory, ALIGNMENT);
  kws_log_mel *s = (kws_log_mel *)base;
  kws_log_mel description = described(f);
  memset(base, 0, lay_out(&description, f, base));
  *s = description;
  const size_t m = s->mel.m, width = s->kernels->width;
  kws_fft_twiddles(width, m, s->twiddles);
  float *hann = s->mel.hann, *roots = s->mel.roots;
  for (size_t i = 0; i < s->window; i++)
    hann[i] = 0.5f * (float)(0.5 - 0.5 * kws_root(2.0 * (double)i, (double)s->window).re);
  for (size_t k = 1; k <= m / 2; k++) {
    const kws_complex root = kws_root(-(double)k - 0.5 * (double)m, (double)m);
    roots[kws_complex_at(width, k - 1)] = (float)root.re;
    roots[kws_complex_at(width, k - 1) + width] = (float)root.im;
  }
  for (size_t place = 0; place < m; place++)
    s->mel.frequency[place] = (uint16_t)kws_fft_frequency(width, m, place);
  fill_bands(f, width, s->mel.band, s->mel.weights);
  return s;
}

void kws_log_mel_reset(kws_log_mel *s) { s->filled = 0; }

size_t kws_log_mel_wanted(const kws_log_mel *s) { return s->window - s->filled; }

static float sound(float sample) {
  if (sample >= -1e6f && sample <= 1e6f) return sample;
  return sample > 0.0f ? 1.0f : sample < 0.0f ? -1.0f : 0.0f;
}

static void take_samples(kws_log_mel *s, const float *samples, size_t count) {
  for (size_t i = 0; i < count; i++) s->pending[s->filled + i] = sound(samples[i]);
  s->filled += count;
}

size_t kws_log_mel_feed(kws_log_mel *s, const float *samples, size_t count, float *frames) {
  size_t complete = 0;
  for (size_t wanted; (wanted = kws_log_mel_wanted(s)) <= count; complete++) {
    take_samples(s, samples, wanted);
    samples += wanted;
    count -= wanted;
    s->kernels->window(&s->mel, s->pending, s->data);
    s->fft->forward(s->mel.m, s->twiddles, s->data);
    s->kernels->features(&s->mel, s->data, s->work, s->features);
    memcpy(frames + complete * s->bands, s->features, s->bands * sizeof *frames);
    s->filled = s->window - s->hop;
    memmove(s->pending, s->pending + s->hop, s->filled * sizeof *s->pending);
  }
  take_samples(s, samples, count);
  return complete;
}
