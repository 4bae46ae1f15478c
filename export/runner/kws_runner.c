/* Runs a model on this device and tells what it heard and what it cost, as JSON on standard output:
 *
 *     kws_runner MODEL.tflite [AUDIO.wav|-] [--tflite-lib PATH] [--threads N] [--cpu N]
 *                [--repeats N] [--no-audio] [--plain]
 *
 * AUDIO is 16 kHz mono (wav.h), - standard input. --no-audio measures inferences only, on faint
 * noise, --repeats of them (1000); with audio, --repeats is how often it is run through (1).
 * --plain does without XNNPACK. The TFLite C library is --tflite-lib, else $KWS_TFLITE_LIB, else
 * libtensorflowlite_c.so or libtensorflowlite_jni.so beside this program.
 *
 * Exit code 1 if the work failed, 2 if it was called wrongly, with one line on standard error. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernels.h"
#include "kws_spotter.h"
#include "machine.h"
#include "profile.h"
#include "tflite_api.h"
#include "toeplitz_like_op.h"
#include "wav.h"

enum { WARM_UP = 20, KEPT = 1 << 16, LONGEST_CHUNK = 1 << 16, LINE = 512, ROOM = 8 };

typedef struct {
  const char *model, *audio, *library;
  int threads, cpu, repeats;
  bool no_audio, plain;
} request;

/* Latencies of inferences, in seconds; those of the first few are not kept. */
typedef struct {
  float *kept;
  size_t seen, count;
} latencies;

static _Noreturn void fail(int code, const char *line) {
  fprintf(stderr, "kws_runner: %s\n", line);
  exit(code);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int integer(const char *text, const char *option) {
  char *end, line[LINE];
  const long value = text ? strtol(text, &end, 10) : -1;
  if (text && *text && !*end && value >= 0 && value <= 1000000) return (int)value;
  snprintf(line, sizeof line, "%s takes a number", option);
  fail(2, line);
}

static request parse(int argc, char **argv) {
  request r = {.threads = 1, .cpu = -1};
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(word, "--no-audio") == 0)
      r.no_audio = true;
    else if (strcmp(word, "--plain") == 0)
      r.plain = true;
    else if (strcmp(word, "--threads") == 0)
      r.threads = integer(next, word), i++;
    else if (strcmp(word, "--cpu") == 0)
      r.cpu = integer(next, word), i++;
    else if (strcmp(word, "--repeats") == 0)
      r.repeats = integer(next, word), i++;
    else if (strcmp(word, "--tflite-lib") == 0 && next)
      r.library = next, i++;
    else if ((word[0] != '-' || !word[1]) && !r.model)
      r.model = word;
    else if ((word[0] != '-' || !word[1]) && !r.audio)
      r.audio = word;
    else
      r.model = NULL, i = argc;
  }
  if (!r.model || !r.audio == !r.no_audio)
    fail(2,
         "usage: kws_runner MODEL.tflite [AUDIO.wav|-] [--tflite-lib PATH] [--threads N] [--cpu N] "
         "[--repeats N] [--no-audio] [--plain]");
  if (r.repeats > 1 && r.audio && !strcmp(r.audio, "-"))
    fail(2, "standard input can be heard only once; give a file to repeat");
  if (!r.repeats) r.repeats = r.no_audio ? 1000 : 1;
  return r;
}

/* Where the TFLite library is if no option says so. */
static const char *find_library(void) {
  static char path[4096];
  static const char *const names[] = {"libtensorflowlite_c.so", "libtensorflowlite_jni.so"};
  const char *given = getenv("KWS_TFLITE_LIB");
  if (given && *given) return given;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    if (length <= 0) break;
    path[length] = 0;
    char *name = strrchr(path, '/');
    strcpy(name ? name + 1 : path, names[i]);
    if (access(path, R_OK) == 0) return path;
  }
  fail(2,
       "no TFLite C library: give --tflite-lib, set KWS_TFLITE_LIB, or put libtensorflowlite_c.so "
       "beside this program");
}

static unsigned char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  char line[LINE];
  snprintf(line, sizeof line, "%s: cannot be read", path);
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(2, line);
  const long length = ftell(file);
  unsigned char *bytes = length >= 0 ? malloc((size_t)length + 1) : NULL;
  rewind(file);
  if (!bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length) fail(2, line);
  fclose(file);
  *size = (size_t)length;
  return bytes;
}

static void print_string(const char *text) {
  putchar('"');
  for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
    if (*c == '"' || *c == '\\')
      printf("\\%c", *c);
    else if (*c < 32)
      printf("\\u%04x", *c);
    else
      putchar(*c);
  }
  putchar('"');
}

static void print_text(const char *key, const char *text) {
  printf(", \"%s\": ", key);
  print_string(text);
}

static void keep(latencies *l, float latency) {
  if (l->seen++ >= WARM_UP && l->count < KEPT) l->kept[l->count++] = latency;
}

static int ascending(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void print_latencies(latencies *l) {
  printf(",\n \"latency_us\": {\"count\": %zu, \"warm_up\": %d", l->count, WARM_UP);
  qsort(l->kept, l->count, sizeof *l->kept, ascending);
  static const struct {
    const char *name;
    double part;
  } parts[] = {{"min", 0.0}, {"median", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1.0}};
  double sum = 0.0;
  for (size_t i = 0; i < l->count; i++) sum += l->kept[i];
  for (size_t i = 0; l->count && i < sizeof parts / sizeof *parts; i++)
    printf(", \"%s\": %.3f", parts[i].name,
           1e6 * l->kept[(size_t)(parts[i].part * (double)(l->count - 1) + 0.5)]);
  if (l->count) printf(", \"mean\": %.3f", 1e6 * sum / (double)l->count);
  printf("}");
}

/* Samples that bring about one look. */
static size_t chunk_of(const kws_spotter *spotter) {
  const size_t samples = (size_t)nearbyint(16000.0 * kws_spotter_step_seconds(spotter));
  return samples < LONGEST_CHUNK ? samples : LONGEST_CHUNK;
}

/* Feed a chunk and note what its inference took, if there was one. */
static int feed(kws_spotter *spotter, const float *samples, size_t count, kws_detection *found,
                latencies *l) {
  const size_t looks = kws_spotter_costs(spotter).looks;
  const int more = kws_spotter_feed(spotter, samples, count, found, ROOM);
  if (more < 0) fail(1, "the interpreter failed");
  const kws_spotter_cost cost = kws_spotter_costs(spotter);
  if (cost.looks > looks) keep(l, (float)cost.last);
  return more < ROOM ? more : ROOM;
}

static void print_detections(const kws_spotter *spotter, const kws_detection *found, int count,
                             bool *first) {
  for (int i = 0; i < count; i++) {
    printf("%s\n   {\"time\": %.3f, \"keyword\": ", *first ? "" : ",", found[i].time);
    print_string(kws_spotter_label(spotter, found[i].label));
    printf(", \"score\": %.4f, \"decided\": %.3f}", (double)found[i].score, found[i].decided);
    *first = false;
  }
}

/* Run the audio through once; the detections are printed if they are wanted. Adds up the samples
 * and the processor time, that of reading the audio left out. */
static void run_audio(kws_spotter *spotter, kws_wav *wav, bool print, latencies *l,
                      uint64_t *samples, double *cpu) {
  if (!kws_spotter_reset(spotter)) fail(1, "the interpreter failed");
  static float chunk[LONGEST_CHUNK];
  const size_t size = chunk_of(spotter);
  kws_detection found[ROOM];
  bool first = true;
  for (size_t count; (count = kws_wav_read(wav, chunk, size)) > 0;) {
    const double start = kws_cpu_seconds();
    const int more = feed(spotter, chunk, count, found, l);
    *cpu += kws_cpu_seconds() - start;
    *samples += count;
    if (print) print_detections(spotter, found, more, &first);
  }
  const int more = kws_spotter_finish(spotter, found, ROOM);
  if (more < 0) fail(1, "the interpreter failed");
  if (print) print_detections(spotter, found, more < ROOM ? more : ROOM, &first);
  kws_wav_close(wav);
}

/* So many looks at faint noise. */
static void run_noise(kws_spotter *spotter, int looks, latencies *l, double *cpu) {
  static float chunk[LONGEST_CHUNK];
  const size_t size = chunk_of(spotter);
  uint32_t seed = 1;
  kws_detection found[ROOM];
  for (size_t i = 0; i < size; i++) {
    seed = seed * 1664525u + 1013904223u;
    chunk[i] = 0.01f * ((float)(seed >> 8) / 8388608.0f - 1.0f);
  }
  const size_t end = kws_spotter_costs(spotter).looks + (size_t)looks;
  const double start = kws_cpu_seconds();
  while (kws_spotter_costs(spotter).looks < end) feed(spotter, chunk, size, found, l);
  *cpu += kws_cpu_seconds() - start;
}

static float median(float *values, size_t count) {
  qsort(values, count, sizeof *values, ascending);
  return count ? values[count / 2] : 0.0f;
}

/* What the interpreter is made of, and what a call of each op costs by the median, measured in a
 * spotter of its own since looking costs time too. An op in a delegate has no cost of its own. */
static void print_ops(const unsigned char *model, size_t bytes, kws_spotter_options options) {
  static kws_graph graph;
  char line[LINE];
  latencies whole = {malloc(KWS_MOST_CALLS * sizeof(float)), WARM_UP, 0}, warm_up = {NULL, 0, KEPT};
  double cpu = 0.0, sum = 0.0;
  kws_graph_init(&graph);
  options.observer = &graph.delegate;
  kws_spotter *spotter = kws_spotter_create(model, bytes, &options, line, sizeof line);
  if (!spotter || !whole.kept) fail(1, line);
  run_noise(spotter, WARM_UP, &warm_up, &cpu);
  graph.spotter = spotter;
  run_noise(spotter, KWS_MOST_CALLS, &whole, &cpu);
  kws_op *nothing = kws_graph_time_nothing(&graph);
  const double cost = (double)median(nothing->us, (size_t)nothing->calls);

  const char *between = "";
  int own = 0, taken = 0; /* the model's ops; those that XNNPACK took */
  printf(",\n \"ops\": [");
  for (int i = 0; i < graph.ops; i++) {
    kws_op *op = &graph.op[i];
    if (!op->name[0]) continue;
    printf("%s\n   {\"index\": %d, \"op\": \"%s\"", between, i, op->name);
    between = ",";
    own += !kws_graph_is_delegate(&graph, i);
    if (op->delegate >= 0) {
      taken += strstr(graph.op[op->delegate].name, "XNNPack") != NULL;
      printf(", \"in\": %d}", op->delegate);
    } else {
      const double us = fmax(0.0, (double)median(op->us, (size_t)op->calls) - cost);
      sum += us;
      printf(", \"us\": %.3f}", us);
    }
  }
  printf("],\n \"model_ops\": %d, \"xnnpack_ops\": %d", own, taken);
  printf(",\n \"ops_us\": %.3f, \"timed_us\": %.3f, \"timing_an_op_us\": %.3f", sum,
         1e6 * (double)median(whole.kept, whole.count), cost);
  printf(", \"arena_bytes\": %zu", kws_graph_arena_bytes(&graph));
  kws_spotter_destroy(spotter);
  free(whole.kept);
}

static void print_machine(const request *r, const char *version) {
  char text[LINE];
  size_t kernels;
  const kws_kernels *const *all = kws_all_kernels(&kernels);
  printf(",\n \"threads\": %d", r->threads);
  if (r->cpu >= 0) printf(", \"cpu\": %d", r->cpu);
  kws_machine_name(text, sizeof text);
  print_text("machine", text);
  kws_cpu_features(text, sizeof text);
  print_text("cpu_features", text);
  print_text("kernels", all[kernels - 1]->name);
  printf(",\n \"versions\": {\"" KWS_OP_NAME "\": %d", KWS_OP_VERSION);
  print_text("tflite", version);
  kws_libc_name(text, sizeof text);
  print_text("libc", text);
  printf("}");
}

int main(int argc, char **argv) {
  request r = parse(argc, argv);
  char line[LINE];
  size_t bytes;
  if (r.cpu >= 0 && !kws_pin_to(r.cpu)) fail(2, "--cpu: there is no such core to run on");
  kws_wav wav = {.file = NULL};
  if (r.audio && !kws_wav_open(&wav, r.audio, line, sizeof line)) fail(2, line);
  unsigned char *model = read_file(r.model, &bytes);
  const kws_spotter_options options = {.tflite_library = r.library ? r.library : find_library(),
                                       .threads = r.threads,
                                       .plain = r.plain};
  latencies l = {malloc(KEPT * sizeof *l.kept), 0, 0};
  if (!l.kept) fail(1, "no memory");

  kws_tflite_api tflite; /* opened here too, so that its own memory is not taken for the model's */
  if (!kws_tflite_open(options.tflite_library, &tflite, line, sizeof line)) fail(2, line);
  const size_t heap = kws_heap_bytes(), resident = kws_resident_bytes();
  const double start = seconds();
  kws_spotter *spotter = kws_spotter_create(model, bytes, &options, line, sizeof line);
  const double load = seconds() - start;
  if (!spotter) fail(1, line);

  printf("{\"model\": ");
  print_string(r.model);
  printf(", \"file_bytes\": %zu, \"step_ms\": %.1f, \"window_ms\": %.1f", bytes,
         1e3 * kws_spotter_step_seconds(spotter), 1e3 * kws_spotter_window_seconds(spotter));
  double cpu = 0.0, audio;
  uint64_t samples = 0;
  if (r.no_audio) {
    run_noise(spotter, r.repeats, &l, &cpu);
    audio = r.repeats * kws_spotter_step_seconds(spotter);
  } else {
    printf(",\n \"detections\": [");
    run_audio(spotter, &wav, true, &l, &samples, &cpu);
    for (int i = 1; i < r.repeats; i++) {
      if (!kws_wav_open(&wav, r.audio, line, sizeof line)) fail(2, line);
      run_audio(spotter, &wav, false, &l, &samples, &cpu);
    }
    printf("]");
    audio = (double)samples / 16000.0;
  }
  const kws_spotter_cost cost = kws_spotter_costs(spotter);
  printf(",\n \"audio_seconds\": %.3f, \"cpu_seconds\": %.6f", audio, cpu);
  if (audio > 0.0) printf(", \"cpu_per_audio_second\": %.8f", cpu / audio);
  printf(",\n \"load_ms\": %.3f, \"first_inference_us\": %.3f", 1e3 * load, 1e6 * cost.first);
  print_latencies(&l);
  printf(",\n \"peak_resident_bytes\": %zu, \"resident_before_model_bytes\": %zu",
         kws_peak_resident_bytes(), resident);
  if (heap) printf(", \"heap_bytes\": %zu", kws_heap_bytes() - heap);
  kws_spotter_destroy(spotter);
  print_ops(model, bytes, options);
  print_machine(&r, tflite.TfLiteVersion());
  printf("}\n");
  kws_tflite_close(&tflite);
  free(l.kept);
  free(model);
  return fflush(stdout) != 0;
}
