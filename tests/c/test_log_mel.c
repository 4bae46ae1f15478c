/* The front end of every width against the definition in double precision, in one piece and in
 * chunks; descriptions that are refused; and, by the sanitizers, every size of window. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "kernels.h"
#include "log_mel.h"
#include "reference.h"

extern size_t kws_mel_widest;

static double worst;

static void test_features(kws_frontend f, float loudness) {
  const size_t window = kws_frontend_window(&f), hop = kws_frontend_hop(&f), frames = 4;
  const size_t count = window + (frames - 1) * hop, bands = (size_t)f.bands;
  float *samples = malloc(count * sizeof *samples);
  float *expected = malloc(bands * sizeof *expected);
  float *whole = malloc(frames * bands * sizeof *whole);
  float *chunked = malloc(frames * bands * sizeof *chunked);
  for (size_t i = 0; i < count; i++) samples[i] = loudness * uniform();

  void *memory = malloc(kws_log_mel_bytes(&f));
  kws_log_mel *stream = kws_log_mel_init(memory, &f);
  expect(kws_log_mel_wanted(stream) == window, "the first frame wants a window", 0.0);
  expect(kws_log_mel_feed(stream, samples, count, whole) == frames, "number of frames", 0.0);
  for (size_t frame = 0; frame < frames; frame++) {
    reference_log_mel(&f, samples + frame * hop, expected);
    for (size_t band = 0; band < bands; band++) {
      const double error = fabs((double)whole[frame * bands + band] - expected[band]);
      worst = fmax(worst, error);
      expect(error < 1e-5, "feature against the definition", error);
    }
  }

  kws_log_mel_feed(stream, samples, count / 2, chunked);
  kws_log_mel_reset(stream);
  size_t written = 0;
  for (size_t at = 0, size = 1; at < count; at += size, size = size * 3 % 101) {
    if (size > count - at) size = count - at;
    written += kws_log_mel_feed(stream, samples + at, size, chunked + written * bands);
  }
  expect(written == frames, "frames in chunks", (double)written);
  expect(!memcmp(whole, chunked, frames * bands * sizeof *whole), "chunks do not matter", 0.0);
  free(samples), free(expected), free(whole), free(chunked), free(memory);
}

static void test_broken_samples(void) {
  const kws_frontend f = KWS_FRONTEND_DEFAULT;
  float broken[400], clean[400], a[40], b[40];
  for (int i = 0; i < 400; i++) broken[i] = clean[i] = uniform();
  broken[7] = NAN, clean[7] = 0.0f;
  broken[100] = INFINITY, clean[100] = 1.0f;
  broken[101] = -INFINITY, clean[101] = -1.0f;
  void *memory = malloc(kws_log_mel_bytes(&f));
  kws_log_mel_feed(kws_log_mel_init(memory, &f), broken, 400, a);
  kws_log_mel_feed(kws_log_mel_init(memory, &f), clean, 400, b);
  expect(!memcmp(a, b, sizeof a), "broken samples", 0.0);
  free(memory);
}

static void test_faults(void) {
  const kws_frontend good = KWS_FRONTEND_DEFAULT;
  expect(!kws_frontend_fault(&good), "the default is in order", 0.0);
  kws_frontend bad[14];
  for (int i = 0; i < 14; i++) bad[i] = good;
  bad[0].rate = 8000.0, bad[1].hop_ms = 0.0, bad[2].hop_ms = 30.0, bad[3].window_ms = 1e9;
  bad[4].low_hz = -1.0, bad[5].high_hz = 8001.0, bad[6].low_hz = 7600.0, bad[7].bands = 0;
  bad[8].bands = 200, bad[9].floor = 0.0, bad[10].floor = NAN, bad[11].window_ms = NAN;
  bad[12].high_hz = INFINITY, bad[13].bands = 1 << 30;
  for (int i = 0; i < 14; i++) expect(kws_frontend_fault(&bad[i]) != NULL, "a fault is found", i);
}

int main(void) {
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  for (size_t i = 0; i < count; i++) {
    kws_mel_widest = all[i]->width;
    worst = 0.0;
    const kws_frontend f = KWS_FRONTEND_DEFAULT;
    test_features(f, 1.0f), test_features(f, 1e-4f), test_features(f, 0.0f);
    kws_frontend odd = {16000.0, 30.0, 7.0, 23, 60.0, 8000.0, 1e-6};
    test_features(odd, 0.3f);
    for (size_t window = 3; window <= 600; window += window / 3) {
      odd =
          (kws_frontend){16000.0, (double)window / 16.0, (double)window / 32.0, 1, 0.0, 8e3, 1e-4};
      while (odd.bands < 19 && !kws_frontend_fault(&odd)) odd.bands++;
      if (kws_frontend_fault(&odd)) odd.bands--;
      test_features(odd, 1.0f);
    }
    printf("%zu floats in a vector: largest error %.1e\n", all[i]->width, worst);
  }
  test_broken_samples();
  test_faults();
  if (!failures) puts("ok");
  return failures != 0;
}
