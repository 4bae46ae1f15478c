/* Reads audio from a file or standard input: RIFF WAVE, 16 kHz mono, 16-bit or float, or the same
 * 16-bit samples without a header. */
#ifndef KWS_WAV_H
#define KWS_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
  FILE *file;
  bool floats;
  uint64_t left;          /* bytes of samples */
  unsigned char begun[4]; /* of a file without a header, what was read to find that out */
  size_t begun_bytes;
} kws_wav;

/* "-" is standard input. False, and why in message (one line), if it cannot be read. */
bool kws_wav_open(kws_wav *wav, const char *path, char *message, size_t message_size);

/* The next samples, at most `count`; returns how many, 0 at the end. */
size_t kws_wav_read(kws_wav *wav, float *samples, size_t count);

void kws_wav_close(kws_wav *wav);

#endif
