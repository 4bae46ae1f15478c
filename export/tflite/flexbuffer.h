/* Reads one integer out of a FlatBuffers "flexbuffer" map, the form of a custom op's options. */
#ifndef KWS_FLEXBUFFER_H
#define KWS_FLEXBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Look key up in the map at the root of data[0 .. size). False if there is no such integer or if
 * the bytes are no well-formed map; nothing outside them is ever read. */
bool kws_flexbuffer_int(const uint8_t *data, size_t size, const char *key, int64_t *value);

#endif
