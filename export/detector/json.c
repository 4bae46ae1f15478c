#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32, LONGEST_NUMBER = 40 };

static kws_json skip_space(kws_json v) {
  while (v.at < v.end && strchr(" \t\r\n", *v.at) && *v.at) v.at++;
  return v;
}

static bool starts_with(kws_json v, char c) { return v.at < v.end && *v.at == c; }

static bool is_number_part(char c) { return c && strchr("+-.0123456789eE", c); }

/* Behind the string that begins at *v. */
static bool skip_string(kws_json *v) {
  for (v->at++; v->at < v->end; v->at++) {
    if (*v->at == '"') return v->at++, true;
    if (*v->at == '\\' && ++v->at == v->end) return false;
  }
  return false;
}

/* Behind the value that begins at *v. Brackets are counted, not matched by kind: what stands in
 * between is looked at when it is asked for. */
static bool skip_value(kws_json *v) {
  int depth = 0;
  do {
    *v = skip_space(*v);
    if (v->at == v->end) return false;
    const char c = *v->at;
    if (c == '"') {
      if (!skip_string(v)) return false;
    } else if (c == '{' || c == '[') {
      if (++depth > DEEPEST) return false;
      v->at++;
    } else if (c == '}' || c == ']') {
      if (--depth < 0) return false;
      v->at++;
    } else if (c == ',' || c == ':') {
      if (depth == 0) return false;
      v->at++;
    } else {
      const char *start = v->at;
      while (v->at < v->end && (is_number_part(*v->at) || (*v->at >= 'a' && *v->at <= 'z')))
        v->at++;
      if (v->at == start) return false;
    }
  } while (depth > 0);
  return true;
}

bool kws_json_next(kws_json container, kws_json *place, kws_json *key, kws_json *value) {
  container = skip_space(container);
  const bool object = starts_with(container, '{');
  if (!object && !starts_with(container, '[')) return false;
  kws_json at = place->at ? *place : container;
  if (!place->at) at.at++;
  at = skip_space(at);
  if (place->at) {
    if (!starts_with(at, ',')) return false;
    at.at++;
    at = skip_space(at);
  }
  if (object) {
    if (!starts_with(at, '"')) return false;
    if (key) *key = at;
    if (!skip_string(&at)) return false;
    at = skip_space(at);
    if (!starts_with(at, ':')) return false;
    at.at++;
  }
  *value = skip_space(at);
  if (!skip_value(&at)) return false;
  *place = at;
  return true;
}

bool kws_json_member(kws_json object, const char *key, kws_json *value) {
  object = skip_space(object);
  if (!starts_with(object, '{')) return false;
  char name[64];
  for (kws_json place = {NULL, NULL}, found; kws_json_next(object, &place, &found, value);)
    if (kws_json_string(found, name, sizeof name) && strcmp(name, key) == 0) return true;
  return false;
}

bool kws_json_number(kws_json value, double *number) {
  char text[LONGEST_NUMBER + 1];
  size_t length = 0;
  while (value.at + length < value.end && is_number_part(value.at[length]))
    if (++length > LONGEST_NUMBER) return false;
  memcpy(text, value.at, length);
  text[length] = 0;
  char *end;
  *number = strtod(text, &end);
  return length > 0 && end == text + length;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four digits behind \u. */
static bool hex(kws_json *v, uint32_t *code) {
  *code = 0;
  for (int i = 0; i < 4; i++, v->at++) {
    const int digit = v->at < v->end ? hex_digit(*v->at) : -1;
    if (digit < 0) return false;
    *code = *code * 16 + (uint32_t)digit;
  }
  return true;
}

/* The character of an escape, from behind the backslash on. */
static bool escaped(kws_json *v, uint32_t *code) {
  static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  if (v->at == v->end || !*v->at) return false;
  const char c = *v->at++;
  const char *letter = strchr(letters, c);
  if (letter) return *code = (uint32_t)meant[letter - letters], true;
  if (c != 'u' || !hex(v, code)) return false;
  if (*code < 0xd800 || *code > 0xdfff) return *code != 0;
  uint32_t low; /* a pair of surrogates */
  if (*code > 0xdbff || v->end - v->at < 2 || v->at[0] != '\\' || v->at[1] != 'u') return false;
  v->at += 2;
  if (!hex(v, &low) || low < 0xdc00 || low > 0xdfff) return false;
  *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
  return true;
}

static size_t utf8(uint32_t code, char bytes[4]) {
  static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  const size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = count; i-- > 1; code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3f));
  bytes[0] = (char)(lead[count] | code);
  return count;
}

bool kws_json_string(kws_json value, char *text, size_t room) {
  if (!starts_with(value, '"')) return false;
  value.at++;
  for (size_t length = 0; value.at < value.end;) {
    char bytes[4] = {*value.at++};
    size_t count = 1;
    if (bytes[0] == '"') return length < room ? (text[length] = 0, true) : false;
    if (bytes[0] == 0) return false;
    if (bytes[0] == '\\') {
      uint32_t code;
      if (!escaped(&value, &code)) return false;
      count = utf8(code, bytes);
    }
    if (room - length <= count) return false;
    memcpy(text + length, bytes, count);
    length += count;
  }
  return false;
}
