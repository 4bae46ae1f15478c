/* Runs a model with the TFLite C library, XNNPACK and this project's operators, on one thread:
 *     invoke_tflite LIBTENSORFLOWLITE_C LIBKWS_OPS MODEL CALLS
 * so many times on an input of small numbers;
 *     invoke_tflite LIBTENSORFLOWLITE_C LIBKWS_OPS MODEL INPUTS OUTPUTS
 * once on each input in a file of raw float32, writing the outputs to another; or
 *     invoke_tflite LIBTENSORFLOWLITE_C LIBKWS_OPS count MODEL...
 * one model after the other, marking a call of each for count_instructions.c; or
 *     invoke_tflite LIBTENSORFLOWLITE_C LIBKWS_OPS time CALLS MODEL
 * and prints the median of so many calls in microseconds. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "marks.h"

enum { WARM_UP = 3 };

static void *library;

static void *symbol(void *from, const char *name) {
  void *found = dlsym(from, name);
  if (!found) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return found;
}

static void *open_library(const char *path) {
  void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!opened) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return opened;
}

/* Functions of the C API by their shape; a pointer from dlsym converts by a union. */
typedef union {
  void *symbol;
  void *(*make)(void);
  void *(*make_of)(const void *);
  void *(*make_of_two)(const void *, const void *);
  void (*change)(void *, void *);
  void (*set)(void *, int);
  int (*run)(void *);
  void *(*plugin)(const char *const *, const char *const *, size_t, void (*)(const char *));
  void *(*part)(const void *, int);
  size_t (*size)(const void *);
} function;

static function api(const char *name) { return (function){.symbol = symbol(library, name)}; }

static void *own_operators(const char *path) {
  void *plugin = open_library(path);
  return (function){.symbol = symbol(plugin, "tflite_plugin_create_delegate")}.plugin(NULL, NULL, 0,
                                                                                      NULL);
}

static int run_on_small_numbers(void *interpreter, void *input, int calls) {
  float *values = api("TfLiteTensorData").make_of(input);
  const size_t count = api("TfLiteTensorByteSize").size(input) / sizeof *values;
  for (size_t k = 0; k < count; k++) values[k] = (float)(k * 37 % 101) / 101.0f - 0.5f;
  const function invoke = api("TfLiteInterpreterInvoke");
  for (; calls > 0; calls--)
    if (invoke.run(interpreter) != 0) return 1;
  return 0;
}

static int run_on_file(void *interpreter, void *input, const char *inputs, const char *outputs) {
  FILE *from = fopen(inputs, "rb"), *to = fopen(outputs, "wb");
  if (!from || !to) {
    perror(from ? outputs : inputs);
    return 1;
  }
  const function data = api("TfLiteTensorData"), size = api("TfLiteTensorByteSize");
  const void *output = api("TfLiteInterpreterGetOutputTensor").part(interpreter, 0);
  int failed = 0;
  while (!failed && fread(data.make_of(input), size.size(input), 1, from) == 1)
    failed = api("TfLiteInterpreterInvoke").run(interpreter) != 0 ||
             fwrite(data.make_of(output), size.size(output), 1, to) != 1;
  fclose(from);
  return fclose(to) != 0 || failed;
}

/* An interpreter of the model, ready to be invoked, or NULL. */
static void *interpreter_of(const char *operators, const char *path) {
  void *model = api("TfLiteModelCreateFromFile").make_of(path);
  void *options = api("TfLiteInterpreterOptionsCreate").make();
  const function add_delegate = api("TfLiteInterpreterOptionsAddDelegate");
  api("TfLiteInterpreterOptionsSetNumThreads").set(options, 1);
  add_delegate.change(options, own_operators(operators));
  add_delegate.change(options, api("TfLiteXNNPackDelegateCreate").make_of(NULL));
  void *interpreter = model ? api("TfLiteInterpreterCreate").make_of_two(model, options) : NULL;
  if (interpreter && api("TfLiteInterpreterAllocateTensors").run(interpreter) == 0)
    return interpreter;
  fprintf(stderr, "%s cannot be run\n", path);
  return NULL;
}

static void *input_of(void *interpreter) {
  return api("TfLiteInterpreterGetInputTensor").part(interpreter, 0);
}

/* Marks one call, after some that find the caches and allocations as they will be. */
static int count_calls(const char *operators, char **models) {
  const function invoke = api("TfLiteInterpreterInvoke");
  for (; *models; models++) {
    void *interpreter = interpreter_of(operators, *models);
    if (!interpreter || run_on_small_numbers(interpreter, input_of(interpreter), WARM_UP)) return 1;
    KWS_BEGIN();
    const int failed = invoke.run(interpreter);
    KWS_END();
    if (failed) return 1;
  }
  return 0;
}

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int time_calls(const char *operators, int calls, const char *path) {
  const function invoke = api("TfLiteInterpreterInvoke");
  void *interpreter = interpreter_of(operators, path);
  double *taken = calls > 0 ? malloc((size_t)calls * sizeof *taken) : NULL;
  if (!interpreter || !taken) return 1;
  int failed = run_on_small_numbers(interpreter, input_of(interpreter), WARM_UP);
  for (int k = 0; k < calls && !failed; k++) {
    const double start = microseconds();
    failed = invoke.run(interpreter) != 0;
    taken[k] = microseconds() - start;
  }
  qsort(taken, (size_t)calls, sizeof *taken, ascending);
  printf("%.3f\n", taken[calls / 2]);
  return failed;
}

int main(int argc, char **argv) {
  const int counting = argc > 4 && strcmp(argv[3], "count") == 0;
  if (argc != 5 && argc != 6 && !counting) {
    fprintf(stderr,
            "usage: %s LIBTENSORFLOWLITE_C LIBKWS_OPS MODEL CALLS|MODEL INPUTS OUTPUTS|"
            "count MODEL...|time CALLS MODEL\n",
            argv[0]);
    return 2;
  }
  library = open_library(argv[1]);
  if (counting) return count_calls(argv[2], argv + 4);
  if (argc == 6 && strcmp(argv[3], "time") == 0)
    return time_calls(argv[2], atoi(argv[4]), argv[5]);
  void *interpreter = interpreter_of(argv[2], argv[3]);
  if (!interpreter) return 1;
  void *input = input_of(interpreter);
  if (argc == 6) return run_on_file(interpreter, input, argv[4], argv[5]);
  return run_on_small_numbers(interpreter, input, atoi(argv[4]));
}
