#include "wav.h"

#include <string.h>

enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xfffe, BLOCK = 512 };

static uint32_t little(const unsigned char *bytes, int count) {
  uint32_t value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

static bool skip(FILE *file, uint32_t bytes) { /* standard input cannot seek */
  unsigned char block[BLOCK];
  for (; bytes > 0; bytes -= bytes < BLOCK ? bytes : BLOCK) {
    const size_t part = bytes < BLOCK ? bytes : BLOCK;
    if (fread(block, 1, part, file) != part) return false;
  }
  return true;
}

/* What is wrong with a "fmt " chunk, or NULL. */
static const char *read_format(kws_wav *wav, uint32_t size) {
  unsigned char format[40] = {0};
  const uint32_t known = size < sizeof format ? size : (uint32_t)sizeof format;
  if (size < 16 || fread(format, 1, known, wav->file) != known) return "its header is cut off";
  if (!skip(wav->file, size - known + (size & 1))) return "its header is cut off";
  uint32_t kind = little(format, 2);
  if (kind == EXTENSIBLE && size >= 26) kind = little(format + 24, 2);
  const uint32_t channels = little(format + 2, 2), rate = little(format + 4, 4);
  const uint32_t bits = little(format + 14, 2);
  wav->floats = kind == FLOAT;
  if (rate != 16000 || channels != 1 ||
      !((kind == PCM && bits == 16) || (kind == FLOAT && bits == 32)))
    return "it is not 16 kHz mono of 16-bit or float samples; convert it, for example: sox IN -r "
           "16000 -c 1 -b 16 OUT.wav";
  return NULL;
}

static const char *read_header(kws_wav *wav) {
  unsigned char head[8];
  wav->begun_bytes = fread(wav->begun, 1, 4, wav->file);
  if (wav->begun_bytes < 4 || memcmp(wav->begun, "RIFF", 4) != 0) {
    wav->left = UINT64_MAX;
    return NULL;
  }
  wav->begun_bytes = 0;
  if (fread(head, 1, 8, wav->file) != 8 || memcmp(head + 4, "WAVE", 4) != 0)
    return "it is a RIFF file but no WAVE";
  bool described = false;
  while (fread(head, 1, 8, wav->file) == 8) {
    const uint32_t size = little(head + 4, 4);
    if (memcmp(head, "data", 4) == 0) {
      /* A recorder that writes to a pipe does not know the size and says nothing or all. */
      wav->left = size == 0 || size >= 0xfffffff0u ? UINT64_MAX : size;
      return described ? NULL : "its samples come before their format";
    }
    const char *fault = NULL;
    if (memcmp(head, "fmt ", 4) == 0) {
      fault = read_format(wav, size);
      described = true;
    } else if (!skip(wav->file, size) || !skip(wav->file, size & 1)) {
      fault = "it is cut off";
    }
    if (fault) return fault;
  }
  return "it holds no samples";
}

bool kws_wav_open(kws_wav *wav, const char *path, char *message, size_t message_size) {
  *wav = (kws_wav){.file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb")};
  if (!wav->file) {
    snprintf(message, message_size, "%s: cannot be read", path);
    return false;
  }
  const char *fault = read_header(wav);
  if (!fault) return true;
  snprintf(message, message_size, "%s: %s", path, fault);
  kws_wav_close(wav);
  return false;
}

static size_t read_bytes(kws_wav *wav, unsigned char *bytes, size_t count) {
  size_t got = wav->begun_bytes < count ? wav->begun_bytes : count;
  memcpy(bytes, wav->begun, got);
  memmove(wav->begun, wav->begun + got, wav->begun_bytes -= got);
  if (count - got > wav->left) count = got + (size_t)wav->left;
  const size_t more = fread(bytes + got, 1, count - got, wav->file);
  wav->left -= more;
  return got + more;
}

size_t kws_wav_read(kws_wav *wav, float *samples, size_t count) {
  unsigned char bytes[4 * BLOCK];
  const size_t width = wav->floats ? 4 : 2;
  size_t written = 0;
  while (written < count) {
    const size_t wanted = count - written < BLOCK ? count - written : BLOCK;
    const size_t got = read_bytes(wav, bytes, wanted * width) / width;
    for (size_t i = 0; i < got; i++) {
      const uint32_t bits = little(bytes + i * width, (int)width);
      if (wav->floats)
        memcpy(&samples[written + i], &bits, sizeof bits);
      else
        samples[written + i] = (float)(int16_t)bits / 32768.0f;
    }
    written += got;
    if (got < wanted) break;
  }
  return written;
}

void kws_wav_close(kws_wav *wav) {
  if (wav->file && wav->file != stdin) fclose(wav->file);
  wav->file = NULL;
}
