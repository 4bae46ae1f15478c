/* Reads JSON where it stands: a value is the stretch of text from its first character on, and
 * nothing is copied but numbers and strings that are asked for. Text that is no JSON is never read
 * beyond its end, and gives false wherever it makes a difference. */
#ifndef KWS_JSON_H
#define KWS_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  const char *at, *end; /* the value's first character; the end of the whole text */
} kws_json;

/* The value of a member of an object; false if there is none or this is no object. */
bool kws_json_member(kws_json object, const char *key, kws_json *value);

/* The elements of an array or the members of an object, one after the other: `place`, before the
 * first, is {NULL, NULL}. key may be NULL for an array. False behind the last. */
bool kws_json_next(kws_json container, kws_json *place, kws_json *key, kws_json *value);

bool kws_json_number(kws_json value, double *number);

/* A string as UTF-8 with its terminating zero; false if it has no room or holds a zero. */
bool kws_json_string(kws_json value, char *text, size_t room);

#endif
