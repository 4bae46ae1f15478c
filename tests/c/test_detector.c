/* The detector's decisions on scores that are written out here, and the two readers of foreign
 * bytes: JSON, and a model file (argument 1) cut off at any length and with any bit flipped, its
 * checksum made to match again so that it is read all the same. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"
#include "json.h"
#include "model_file.h"

static int failures;

static void expect(int condition, const char *what, double value) {
  if (condition) return;
  fprintf(stderr, "failed: %s (%g)\n", what, value);
  failures++;
}

/* A value of text that lies in memory of just its length. */
static kws_json parsed(const char *text) {
  const size_t length = strlen(text);
  char *copy = malloc(length ? length : 1);
  memcpy(copy, text, length);
  return (kws_json){copy, copy + length};
}

static void test_json(void) {
  static const char text[] =
      " {\"a\\u00e9\\ud83d\\ude00\\n\": [1, -2.5e3 , {\"x\": []}, \"b\"], \"n\" :null,\"a\":7}";
  kws_json all = parsed(text), value, item, place = {NULL, NULL};
  double number;
  char string[16];
  expect(kws_json_member(all, "a", &value) && kws_json_number(value, &number), "a member", 0);
  expect(number == 7.0, "a number", number);
  expect(!kws_json_member(all, "x", &value), "a member of a member is none", 0);
  expect(kws_json_member(all, "n", &value) && !kws_json_number(value, &number), "no number", 0);
  expect(kws_json_member(all, "a\xc3\xa9\xf0\x9f\x98\x80\n", &value), "an escaped key", 0);
  int items = 0;
  for (; kws_json_next(value, &place, NULL, &item); items++) {
    if (items == 1) expect(kws_json_number(item, &number) && number == -2500.0, "item", number);
    if (items == 3) expect(kws_json_string(item, string, 2), "a string that just fits", 0);
    if (items == 3) expect(!kws_json_string(item, string, 1), "a string without room", 0);
  }
  expect(items == 4, "number of items", items);
  free((void *)all.at);

  for (size_t length = 0; length < sizeof text - 1; length++) {
    char part[sizeof text];
    memcpy(part, text, length);
    part[length] = 0;
    all = parsed(part);
    expect(!kws_json_member(all, "a", &value) || length > sizeof text - 3, "cut off", length);
    free((void *)all.at);
  }
  static const char *const broken[] = {
      "{\"a\" 1}", "{a: 1}",         "{\"a\": }",     "[1 2]", "{\"b\": 1,}",     "{\"b\": }}",
      "\"",        "{\"\\u12\": 1}", "{\"b\" : \"\\", "",      "{\"\\ud800\": 1}"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    all = parsed(broken[i]);
    expect(!kws_json_member(all, "a", &value) || i == 2, "broken", (double)i);
    free((void *)all.at);
  }
  char deep[4096];
  memset(deep, '[', sizeof deep - 1);
  deep[sizeof deep - 1] = 0;
  place = (kws_json){NULL, NULL};
  all = parsed(deep);
  expect(!kws_json_next(all, &place, NULL, &item), "too deep", 0);
  free((void *)all.at);
}

enum { STRIDE = 4, FRAMES = 40, LOOKS = 30 };

/* How many detections the scores of the first label give, of three that add up to one. */
static int detect(const kws_model_file *model, const float scores[LOOKS], kws_detection *found) {
  void *memory = malloc(kws_detector_bytes(model, FRAMES, STRIDE));
  kws_detector *detector = kws_detector_init(memory, model, FRAMES, STRIDE);
  int count = 0;
  for (int look = 0; look < LOOKS; look++) {
    float loud[40], quiet[40];
    for (int band = 0; band < 40; band++) loud[band] = 5.0f, quiet[band] = -9.2f;
    for (int i = 0; i < STRIDE; i++)
      kws_detector_frame(detector, look == 2 && i == 1 ? loud : quiet); /* frame 9 */
    const float posteriors[] = {scores[look], 1.0f - scores[look], 0.0f};
    count += kws_detector_look(detector, posteriors, &found[count]);
  }
  free(memory);
  return count;
}

static void test_detector(void) {
  static kws_model_file model = {.frontend = KWS_FRONTEND_DEFAULT,
                                 .labels = 3,
                                 .label = {"yes", "_unknown_", "_silence_"},
                                 .threshold = {0.5, 0.5, 0.5},
                                 .smoothing_ms = 80.0,
                                 .refractory_ms = 200.0};
  kws_detection found[LOOKS];
  float scores[LOOKS] = {0.0f};
  expect(detect(&model, scores, found) == 0, "silence", 0);
  scores[3] = 0.4f, scores[4] = 0.8f, scores[5] = 0.9f, scores[6] = 0.2f; /* means .6 .85 .55 */
  scores[9] = 0.9f, scores[10] = 0.9f; /* while quiet: look 12 is the first that counts */
  scores[14] = NAN, scores[15] = 0.9f;
  scores[20] = 1.0f, scores[21] = 1.0f; /* still rising to 21; over at 22 */
  const int count = detect(&model, scores, found);
  expect(count == 2, "detections", count);
  expect(fabs(found[0].decided - (23 * 160 + 400) / 16000.0) < 1e-9, "peak", found[0].decided);
  expect(fabsf(found[0].score - 0.85f) < 1e-6f, "score", (double)found[0].score);
  expect(found[0].label == 0, "label", found[0].label);
  /* Frame 9 of a window that ends with frame 23. */
  const double time = found[0].decided - (23 - 9) * 0.01;
  expect(fabs(found[0].time - time) < 1e-6, "place", found[0].time);
  expect(fabs(found[1].decided - (87 * 160 + 400) / 16000.0) < 1e-9, "peak", found[1].decided);

  expect(!kws_detector_bytes(&model, 0, 1) && !kws_detector_bytes(&model, 1 << 20, 1), "range", 0);
  model.smoothing_ms = 1e9;
  expect(!kws_detector_bytes(&model, FRAMES, STRIDE), "an average over too much", 0);
}

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size) {
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
  }
  return ~crc;
}

/* The checksum's digits in the file. */
static uint8_t *find(uint8_t *bytes, size_t size) {
  for (size_t i = 0; i + 20 < size; i++)
    if (!memcmp(bytes + i, "{\"crc32\":\"", 10)) return bytes + i + 10;
  return NULL;
}

static void mend_checksum(uint8_t *bytes, size_t size) {
  uint8_t *digits = find(bytes, size);
  char text[9];
  if (!digits) return;
  memcpy(digits, "00000000", 8);
  snprintf(text, sizeof text, "%08x", (unsigned)crc32(0, bytes, size));
  memcpy(digits, text, 8);
}

/* Read a copy in memory of just its size. */
static bool is_read(const uint8_t *bytes, size_t size, bool mended) {
  static kws_model_file file;
  char message[256] = "";
  uint8_t *copy = malloc(size ? size : 1);
  memcpy(copy, bytes, size);
  if (mended) mend_checksum(copy, size);
  const bool read = kws_model_file_read(copy, size, &file, message, sizeof message);
  expect(read || (message[0] && !strchr(message, '\n')), "one line says why not", (double)size);
  if (read) {
    expect(file.labels > 0 && file.labels <= KWS_MOST_LABELS, "labels", file.labels);
    expect(!kws_frontend_fault(&file.frontend), "front end", 0);
  }
  free(copy);
  return read;
}

static void test_model_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    expect(0, path, 0);
    return;
  }
  uint8_t *bytes = malloc(1 << 22);
  const size_t size = fread(bytes, 1, 1 << 22, file);
  fclose(file);
  expect(is_read(bytes, size, false), "a whole file", (double)size);
  expect(is_read(bytes, size, true), "the checksum is the one of zlib", (double)size);
  for (size_t cut = 0; cut < size; cut += 1 + size / 400)
    expect(!is_read(bytes, cut, false), "cut off", (double)cut);
  const size_t start = (size_t)(find(bytes, size) - bytes);
  uint32_t seed = 1;
  int survived = 0;
  for (int i = 0; i < 1000; i++) {
    seed = seed * 1664525u + 1013904223u;
    /* Half of them in the metadata and what leads there. */
    size_t at = (seed >> 8) % size;
    if (i % 4 == 1) at = (seed >> 8) % 256;
    if (i % 4 == 2) at = start + (seed >> 8) % 600;
    const uint8_t bit = (uint8_t)(1 << (seed & 7));
    bytes[at % size] ^= bit;
    survived += is_read(bytes, size, true);
    if (i % 10 == 0) expect(!is_read(bytes, size, false), "a flipped bit", (double)at);
    bytes[at % size] ^= bit;
  }
  printf("%d of 1000 files with a flipped bit and a mended checksum could be read\n", survived);
  free(bytes);
}

int main(int argc, char **argv) {
  test_json();
  test_detector();
  if (argc > 1) test_model_file(argv[1]);
  if (!failures) puts("ok");
  return failures != 0;
}
