#include "flexbuffer.h"

#include <string.h>

/* The format (flatbuffers.dev, FlexBuffers): everything is found backwards from the end. The last
 * byte is the root's width, the one before its type. A type byte is (type << 2) | log2(width).
 * Vectors, maps and keys are reached by an unsigned offset that counts back from where it stands.
 * A map lies in memory as
 *     keys offset, keys width, size, | values..., types (one byte each)
 * every field of the map's own width, with offsets to it pointing at |. */

enum { TYPE_INT = 1, TYPE_UINT = 2, TYPE_INDIRECT_INT = 6, TYPE_INDIRECT_UINT = 7, TYPE_MAP = 9 };

typedef struct {
  const uint8_t *data;
  size_t size;
} span;

static bool read_uint(span s, size_t at, size_t width, uint64_t *value) {
  if (width != 1 && width != 2 && width != 4 && width != 8) return false;
  if (at > s.size || s.size - at < width) return false;
  *value = 0;
  for (size_t i = width; i-- > 0;) *value = *value << 8 | s.data[at + i];
  return true;
}

static bool read_int(span s, size_t at, size_t width, bool is_signed, int64_t *value) {
  uint64_t bits;
  if (!read_uint(s, at, width, &bits)) return false;
  if (is_signed && width < 8 && bits >> (8 * width - 1)) bits |= ~UINT64_C(0) << (8 * width);
  memcpy(value, &bits, sizeof bits);
  return true;
}

/* Where the offset stored at `at` leads. */
static bool follow(span s, size_t at, size_t width, size_t *target) {
  uint64_t offset;
  if (!read_uint(s, at, width, &offset) || offset > at) return false;
  *target = at - (size_t)offset;
  return true;
}

static bool key_equals(span s, size_t at, const char *key) {
  const size_t length = strlen(key) + 1; /* with its terminating zero */
  return at <= s.size && s.size - at >= length && memcmp(s.data + at, key, length) == 0;
}

static bool read_value(span s, size_t at, size_t width, uint8_t type, int64_t *value) {
  const size_t own_width = (size_t)1 << (type & 3);
  switch (type >> 2) {
    case TYPE_INT:
    case TYPE_UINT:
      return read_int(s, at, width, type >> 2 == TYPE_INT, value);
    case TYPE_INDIRECT_INT:
    case TYPE_INDIRECT_UINT:
      return follow(s, at, width, &at) &&
             read_int(s, at, own_width, type >> 2 == TYPE_INDIRECT_INT, value);
    default:
      return false;
  }
}

bool kws_flexbuffer_int(const uint8_t *data, size_t size, const char *key, int64_t *value) {
  if (!data || size < 3) return false;
  const span s = {data, size};
  const size_t root_width = data[size - 1];
  const uint8_t root_type = data[size - 2];
  size_t map, keys;
  uint64_t count, keys_width;
  if (root_type >> 2 != TYPE_MAP || root_width > 8 || size < 2 + root_width) return false;
  if (!follow(s, size - 2 - root_width, root_width, &map)) return false;

  const size_t width = (size_t)1 << (root_type & 3);
  if (map < 3 * width || !follow(s, map - 3 * width, width, &keys)) return false;
  if (!read_uint(s, map - 2 * width, width, &keys_width)) return false;
  if (!read_uint(s, map - width, width, &count)) return false;
  if (count > (s.size - map) / (width + 1)) return false; /* a value and a type byte each */
  if (keys_width > 8 || count * keys_width > s.size - keys) return false;

  for (size_t i = 0; i < count; i++) {
    size_t name;
    if (!follow(s, keys + i * (size_t)keys_width, (size_t)keys_width, &name)) return false;
    if (key_equals(s, name, key))
      return read_value(s, map + i * width, width, data[map + count * width + i], value);
  }
  return false;
}
