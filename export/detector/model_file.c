#include "model_file.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "ops.h"

/* A FlatBuffer, read by the places of TFLite's schema. Every position is checked against the size
 * before it is read, so that a damaged file leads nowhere else. */
typedef struct {
  const uint8_t *data;
  size_t size;
} span;

enum { MODEL_BUFFERS = 4, MODEL_METADATA = 6, METADATA_NAME = 0, METADATA_BUFFER = 1, DATA = 0 };

static bool number(span s, size_t at, size_t width, size_t *value) {
  if (at > s.size || s.size - at < width) return false;
  *value = 0;
  for (size_t i = width; i-- > 0;) *value = *value << 8 | s.data[at + i];
  return true;
}

/* Where the offset that is stored at `at` leads. */
static bool follow(span s, size_t at, size_t *target) {
  size_t offset;
  if (!number(s, at, 4, &offset)) return false;
  *target = at + offset;
  return *target < s.size;
}

/* Where a table's field is; false if it has none. */
static bool field(span s, size_t table, size_t index, size_t *at) {
  size_t back, length, offset;
  if (!number(s, table, 4, &back)) return false;
  const size_t vtable = table - (size_t)(int64_t)(int32_t)(uint32_t)back; /* may lie either side */
  if (!number(s, vtable, 2, &length) || 4 + 2 * index + 2 > length) return false;
  if (!number(s, vtable + 4 + 2 * index, 2, &offset) || offset == 0) return false;
  *at = table + offset;
  return *at < s.size;
}

/* A field that holds a vector of elements of so many bytes: where these begin, and how many. */
static bool vector(span s, size_t table, size_t index, size_t width, size_t *start, size_t *count) {
  size_t at;
  if (!field(s, table, index, &at) || !follow(s, at, &at)) return false;
  if (!number(s, at, 4, count)) return false;
  *start = at + 4;
  return *count <= (s.size - *start) / width;
}

static bool element(span s, size_t table, size_t index, size_t wanted, size_t *target) {
  size_t start, count;
  if (!vector(s, table, index, 4, &start, &count) || wanted >= count) return false;
  return follow(s, start + 4 * wanted, target);
}

/* The contents of the metadata entry of this name. */
static bool metadata(span s, const char *wanted, span *contents) {
  size_t model, entry, name, length, buffer, at, data, size;
  if (!follow(s, 0, &model)) return false;
  for (size_t i = 0; element(s, model, MODEL_METADATA, i, &entry); i++) {
    if (!vector(s, entry, METADATA_NAME, 1, &name, &length)) continue;
    if (length != strlen(wanted) || memcmp(s.data + name, wanted, length) != 0) continue;
    if (!field(s, entry, METADATA_BUFFER, &at) || !number(s, at, 4, &buffer)) return false;
    if (!element(s, model, MODEL_BUFFERS, buffer, &at)) return false;
    if (!vector(s, at, DATA, 1, &data, &size)) return false;
    *contents = (span){s.data + data, size};
    return true;
  }
  return false;
}

/* CRC-32 as zlib's, four bits at a time; begin with 0. */
static uint32_t crc32(uint32_t crc, const void *data, size_t size) {
  static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                     0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                     0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                     0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  const uint8_t *bytes = data;
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

enum { CRC_DIGITS = 8 };

static bool is_hex(uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/* The first place in the file that says {"crc32":"xxxxxxxx". */
static const uint8_t *find_crc(span s) {
  static const char before[] = "{\"crc32\":\"";
  const size_t lead = sizeof before - 1, whole = lead + CRC_DIGITS + 1;
  for (size_t at = 0; s.size >= whole && at <= s.size - whole; at++) {
    const uint8_t *digits = s.data + at + lead;
    if (memcmp(s.data + at, before, lead) != 0 || digits[CRC_DIGITS] != '"') continue;
    int hex = 0;
    while (hex < CRC_DIGITS && is_hex(digits[hex])) hex++;
    if (hex == CRC_DIGITS) return digits;
  }
  return NULL;
}

static bool crc_matches(span s, const uint8_t *digits) {
  const size_t before = (size_t)(digits - s.data);
  uint32_t crc = crc32(0, s.data, before);
  crc = crc32(crc, "00000000", CRC_DIGITS);
  crc = crc32(crc, digits + CRC_DIGITS, s.size - before - CRC_DIGITS);
  char expected[CRC_DIGITS + 1];
  snprintf(expected, sizeof expected, "%08x", (unsigned)crc);
  return memcmp(digits, expected, CRC_DIGITS) == 0;
}

static bool read_number(kws_json object, const char *key, double least, double most,
                        double *value) {
  kws_json found;
  if (!kws_json_member(object, key, &found)) return true; /* then it stays as it was */
  return kws_json_number(found, value) && *value >= least && *value <= most;
}

static bool read_int(kws_json object, const char *key, int least, int most, int *value) {
  double number = *value;
  if (!read_number(object, key, least, most, &number)) return false;
  *value = (int)number;
  return *value == number;
}

static const char *read_frontend(kws_json all, kws_frontend *f) {
  kws_json front;
  *f = (kws_frontend)KWS_FRONTEND_DEFAULT;
  if (!kws_json_member(all, "frontend", &front)) return NULL;
  const bool numbers = read_number(front, "rate", 1.0, 1e6, &f->rate) &&
                       read_number(front, "window_ms", 0.0, 1e4, &f->window_ms) &&
                       read_number(front, "hop_ms", 0.0, 1e4, &f->hop_ms) &&
                       read_int(front, "bands", 1, 1 << 16, &f->bands) &&
                       read_number(front, "low_hz", 0.0, 1e6, &f->low_hz) &&
                       read_number(front, "high_hz", 0.0, 1e6, &f->high_hz) &&
                       read_number(front, "floor", 0.0, 1e30, &f->floor);
  return numbers ? kws_frontend_fault(f) : "the front end's numbers are out of range";
}

static const char *read_labels(kws_json all, kws_model_file *file) {
  kws_json labels, place = {NULL, NULL}, label;
  if (!kws_json_member(all, "labels", &labels)) return "it names no labels";
  while (kws_json_next(labels, &place, NULL, &label)) {
    if (file->labels == KWS_MOST_LABELS) return "it has more than 256 labels";
    if (!kws_json_string(label, file->label[file->labels], KWS_LONGEST_LABEL))
      return "a label is longer than 63 bytes";
    file->threshold[file->labels++] = 0.7;
  }
  return file->labels > 0 ? NULL : "it names no labels";
}

static const char *read_decision(kws_json all, kws_model_file *file) {
  kws_json decision, thresholds;
  file->smoothing_ms = 200.0;
  file->refractory_ms = 750.0;
  if (!kws_json_member(all, "decision", &decision)) return NULL;
  if (!read_number(decision, "smoothing_ms", 0.0, 1e4, &file->smoothing_ms) ||
      !read_number(decision, "refractory_ms", 0.0, 1e6, &file->refractory_ms))
    return "its decision's times are out of range";
  if (!kws_json_member(decision, "thresholds", &thresholds)) return NULL;
  for (int i = 0; i < file->labels; i++)
    if (!read_number(thresholds, file->label[i], 0.0, 1e3, &file->threshold[i]))
      return "its thresholds are out of range";
  return NULL;
}

static const char *read_ops(kws_json all) {
  kws_json ops, place = {NULL, NULL}, key, version;
  if (!kws_json_member(all, "ops", &ops)) return NULL;
  while (kws_json_next(ops, &place, &key, &version)) {
    char name[64];
    double number;
    TfLiteRegistration op;
    if (!kws_json_string(key, name, sizeof name) || !kws_json_number(version, &number) ||
        !kws_find_op(name, &op) || number > op.version)
      return "it needs a newer version of this library's op";
  }
  return NULL;
}

static const char *read_window(kws_json all, kws_model_file *file) {
  kws_json stream;
  file->frames = file->step = 0;
  if (!read_int(all, "frames", 1, 1 << 16, &file->frames)) return "its window is out of range";
  if (!kws_json_member(all, "stream", &stream)) return NULL;
  if (!read_int(stream, "frames", 1, 1 << 16, &file->step) || file->step == 0 ||
      file->step > file->frames)
    return "its streaming step is out of range";
  return NULL;
}

static const char *read(span s, kws_model_file *file) {
  if (s.size < 8 || memcmp(s.data + 4, "TFL3", 4) != 0) return "it is not a TFLite file";
  const uint8_t *crc = find_crc(s);
  if (!crc)
    return "it carries no kws metadata: it was not exported by kws, or it is damaged; export it "
           "with kws export";
  span text;
  if (!crc_matches(s, crc) || !metadata(s, "kws", &text))
    return "it is damaged: its checksum does not match its contents; export it again";
  const char *start = (const char *)text.data;
  const kws_json all = {start, start + text.size};
  file->labels = 0;
  const char *fault = read_frontend(all, &file->frontend);
  if (!fault) fault = read_labels(all, file);
  if (!fault) fault = read_decision(all, file);
  if (!fault) fault = read_ops(all);
  if (!fault) fault = read_window(all, file);
  return fault;
}

bool kws_model_file_read(const void *bytes, size_t size, kws_model_file *file, char *message,
                         size_t message_size) {
  const char *fault = read((span){bytes, size}, file);
  if (fault) snprintf(message, message_size, "the model cannot be used: %s", fault);
  return fault == NULL;
}
