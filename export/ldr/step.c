#include "step.h"

#include <string.h>

#include "storage.h"

enum { ALIGNMENT = 64, SCALES = 3 };

struct kws_step {
  kws_step_shape shape;
  size_t steps;
  const kws_kernels *kernels;
  const kws_ldr_plan *structured; /* or NULL, and then the mix is dense */
  kws_dense dense;
  kws_filter filter;
};

static size_t padded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static void *aligned(void *memory) {
  return (void *)(((uintptr_t)memory + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

static size_t mix_numbers(const kws_step_shape *shape) {
  const size_t inputs = (size_t)shape->mix.inputs, units = (size_t)shape->mix.units;
  if (shape->mix.rank == 0) return inputs * units;
  return 2 * (size_t)shape->mix.rank * (size_t)kws_ldr_size(&shape->mix);
}

static size_t filter_numbers(const kws_step_shape *shape) {
  return (size_t)shape->taps * (size_t)shape->mix.units;
}

/* Inputs that a shortcut lags behind in a stream. */
static size_t delay(const kws_step_shape *shape) {
  return shape->shortcut ? (size_t)shape->taps / 2 : 0;
}

/* What the filter gives, before any mean. */
static size_t filtered_rows(const kws_step_shape *shape, size_t steps) {
  return (steps + (size_t)shape->history - (size_t)shape->taps) / (size_t)shape->stride + 1;
}

const char *kws_step_error(const kws_step_shape *shape, size_t steps) {
  const kws_ldr_shape *mix = &shape->mix;
  if (mix->inputs < 1 || mix->units < 1 || kws_ldr_size(mix) > KWS_LDR_MAX_SIZE || mix->rank < 0 ||
      mix->rank > KWS_LDR_MAX_RANK)
    return "inputs and units must be between 1 and 65536 and the rank at most 1024";
  if (mix->rank ? !kws_ldr_plan_bytes(mix, kws_ldr_choose(mix, 1))
                : mix_numbers(shape) > KWS_LDR_MAX_MATRIX)
    return "the mix is too large";
  if (shape->taps < 1 || shape->taps > KWS_STEP_MAX_TAPS || shape->stride < 1 ||
      shape->stride > KWS_STEP_MAX_TAPS)
    return "taps and stride must be between 1 and 1024";
  if (shape->shortcut && (shape->stride > 1 || mix->inputs != mix->units))
    return "a shortcut needs as many inputs as units and a stride of 1";
  if (steps < 1 || steps > KWS_LDR_MAX_SIZE) return "x must have between 1 and 65536 steps";
  if (!shape->streams)
    return shape->history || shape->pool  ? "only a stream has a history and a pool"
           : steps < (size_t)shape->taps ? "x must have at least as many steps as taps"
                                         : NULL;
  if (steps % (size_t)shape->stride) return "x must have a multiple of stride steps";
  if (shape->history < 0 || shape->history < shape->taps - shape->stride ||
      shape->history >= shape->taps)
    return "the history must be at least taps - stride, and less than taps";
  if (shape->pool && (shape->pool > KWS_STEP_MAX_POOL || shape->pool < 0 ||
                      (size_t)shape->pool < filtered_rows(shape, steps)))
    return "the pool must hold all outputs, and at most 65536";
  if (!kws_step_state_rows(shape, steps)) return "nothing of the past is needed";
  return NULL;
}

size_t kws_step_packed_bytes(const kws_step_shape *shape) {
  return SCALES * sizeof(float) + mix_numbers(shape) + filter_numbers(shape) +
         (size_t)shape->mix.units;
}

size_t kws_step_state_rows(const kws_step_shape *shape, size_t steps) {
  if (!shape->streams) return 0;
  const size_t pooled = shape->pool ? (size_t)shape->pool - filtered_rows(shape, steps) : 0;
  return (size_t)shape->history + delay(shape) + pooled;
}

size_t kws_step_output_rows(const kws_step_shape *shape, size_t steps) {
  return shape->pool ? 1 : filtered_rows(shape, steps);
}

/* What stays in scratch: mixed inputs and, with a pool, the filter's outputs. */
static size_t mixed_rows(const kws_step_shape *shape, size_t steps) {
  return (size_t)shape->history + steps;
}

static size_t kept_numbers(const kws_step_shape *shape, size_t steps) {
  const size_t pooled = shape->pool ? filtered_rows(shape, steps) : 0;
  return (mixed_rows(shape, steps) + pooled) * (size_t)shape->mix.units;
}

static kws_ldr_method method_of(const kws_step_shape *shape, size_t steps) {
  kws_ldr_shape mix = shape->mix;
  if (mix.rank) return kws_ldr_choose(&mix, steps);
  mix.rank = KWS_LDR_MAX_RANK; /* so that transforms never seem to pay */
  return (kws_ldr_method){false, kws_ldr_choose(&mix, steps).kernels};
}

/* What init unpacks the mix's numbers to. */
static size_t unpacked_bytes(const kws_step_shape *shape) {
  return padded(mix_numbers(shape) * sizeof(float));
}

static size_t mix_bytes(const kws_step_shape *shape, kws_ldr_method method) {
  if (shape->mix.rank) return padded(kws_ldr_plan_bytes(&shape->mix, method));
  const size_t panel = 2 * method.kernels->width;
  const size_t units = ((size_t)shape->mix.units + panel - 1) / panel * panel;
  return padded(units * ((size_t)shape->mix.inputs + 1) * sizeof(float));
}

size_t kws_step_bytes(const kws_step_shape *shape, size_t steps) {
  return padded(sizeof(kws_step)) + mix_bytes(shape, method_of(shape, steps)) +
         (filter_numbers(shape) + (size_t)shape->mix.units) * sizeof(float) + ALIGNMENT;
}

size_t kws_step_scratch_bytes(const kws_step_shape *shape, size_t steps) {
  const size_t kept = padded(kept_numbers(shape, steps) * sizeof(float));
  const size_t unpacked = unpacked_bytes(shape);
  const size_t most = kept > unpacked ? kept : unpacked;
  const kws_ldr_method method = method_of(shape, steps);
  return ALIGNMENT + most +
         (shape->mix.rank ? kws_ldr_scratch_bytes(&shape->mix, method) : 0);
}

/* Rows of a matrix into the panels that kernels read. */
static void to_panels(const kws_ldr_shape *mix, size_t panel, const float *matrix, float *panels) {
  const size_t inputs = (size_t)mix->inputs, units = (size_t)mix->units;
  memset(panels, 0, (units + panel - 1) / panel * panel * inputs * sizeof *panels);
  for (size_t row = 0; row < units; row++)
    for (size_t column = 0; column < inputs; column++)
      panels[row / panel * panel * inputs + column * panel + row % panel] =
          matrix[row * inputs + column];
}

kws_step *kws_step_init(void *memory, const kws_step_shape *shape, size_t steps,
                        const int8_t *packed, void *scratch) {
  const kws_ldr_method method = method_of(shape, steps);
  const size_t inputs = (size_t)shape->mix.inputs, units = (size_t)shape->mix.units;
  kws_step *step = aligned(memory);
  char *const mix = (char *)step + padded(sizeof *step);
  float *const weights = (float *)(mix + mix_bytes(shape, method));
  float *const bias = weights + filter_numbers(shape);
  float *const numbers = aligned(scratch);
  *step = (kws_step){.shape = *shape, .steps = steps, .kernels = method.kernels};

  const char *const scales = (const char *)packed;
  packed += SCALES * sizeof(float);
  kws_read_scaled(1, mix_numbers(shape), packed, scales, numbers);
  packed += mix_numbers(shape);
  kws_read_scaled(1, filter_numbers(shape), packed, scales + sizeof(float), weights);
  packed += filter_numbers(shape);
  kws_read_scaled(1, units, packed, scales + 2 * sizeof(float), bias);
  step->filter = (kws_filter){units, (size_t)shape->taps, (size_t)shape->stride, weights, bias};

  if (shape->mix.rank) {
    const float *h = numbers + mix_numbers(shape) / 2;
    char *const rest = (char *)numbers + unpacked_bytes(shape);
    step->structured = kws_ldr_plan_init(mix, &shape->mix, method, numbers, h, NULL, rest);
  } else {
    const size_t panel = 2 * method.kernels->width;
    float *const none = (float *)mix, *const panels = none + (units + panel - 1) / panel * panel;
    memset(none, 0, (size_t)((char *)panels - (char *)none));
    to_panels(&shape->mix, panel, numbers, panels);
    step->dense = (kws_dense){inputs, units, none, panels};
  }
  return step;
}

/* The last `count` rows of `old` (count rows) with `fresh` behind them. */
static void keep_latest(size_t count, size_t width, const float *old, const float *fresh,
                        size_t fresh_count, float *latest) {
  const size_t taken = fresh_count < count ? fresh_count : count, left = count - taken;
  memmove(latest, old + taken * width, left * width * sizeof *latest);
  memmove(latest + left * width, fresh + (fresh_count - taken) * width,
          taken * width * sizeof *latest);
}

static void mix(const kws_step *step, const float *x, float *mixed, void *scratch) {
  if (step->structured)
    kws_ldr_execute(step->structured, step->steps, x, mixed, scratch);
  else
    step->kernels->dense(&step->dense, step->steps, x, mixed);
}

static void sum_rows(size_t count, size_t width, const float *rows, float *sums) {
  for (size_t row = 0; row < count; row++)
    for (size_t i = 0; i < width; i++) sums[i] += rows[row * width + i];
}

/* The part of a stream that follows the mix: `mixed` has the history in front of it. */
static void filter_stream(const kws_step *step, const float *x, const float *mixed,
                          const float *before, float *y, float *after, float *scratch) {
  const kws_step_shape *shape = &step->shape;
  const size_t units = (size_t)shape->mix.units, history = (size_t)shape->history;
  const size_t outputs = filtered_rows(shape, step->steps), lag = delay(shape);
  float *const filtered = shape->pool ? scratch : y;
  keep_latest(history, units, before, mixed + history * units, step->steps, after);
  before += history * units, after += history * units;

  /* A shortcut's first outputs take inputs of earlier calls. */
  const size_t late = lag < outputs ? lag : outputs;
  const float *const rest = mixed + late * units;
  step->kernels->filter(&step->filter, late, mixed, before, filtered);
  step->kernels->filter(&step->filter, outputs - late, rest, shape->shortcut ? x : NULL,
                        filtered + late * units);
  if (lag) keep_latest(lag, units, before, x, step->steps, after);
  before += lag * units, after += lag * units;

  if (!shape->pool) return;
  const size_t pooled = (size_t)shape->pool - outputs;
  memset(y, 0, units * sizeof *y);
  sum_rows(pooled, units, before, y);
  sum_rows(outputs, units, filtered, y);
  for (size_t i = 0; i < units; i++) y[i] /= (float)shape->pool;
  keep_latest(pooled, units, before, filtered, outputs, after);
}

void kws_step_execute(const kws_step *step, const float *x, const float *before, float *y,
                      float *after, void *scratch) {
  const kws_step_shape *shape = &step->shape;
  const size_t units = (size_t)shape->mix.units, history = (size_t)shape->history;
  float *const mixed = aligned(scratch);
  float *const filtered = mixed + mixed_rows(shape, step->steps) * units;
  float *const rest = mixed + kept_numbers(shape, step->steps);
  if (history) memcpy(mixed, before, history * units * sizeof *mixed);
  mix(step, x, mixed + history * units, rest);
  if (shape->streams) {
    filter_stream(step, x, mixed, before, y, after, filtered);
  } else {
    const float *middle = x + (shape->taps - 1) / 2 * units;
    const size_t outputs = filtered_rows(shape, step->steps);
    step->kernels->filter(&step->filter, outputs, mixed, shape->shortcut ? middle : NULL, y);
  }
}
