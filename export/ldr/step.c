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

const char *kws_step_error(const kws_step_shape *shape) {
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
  return NULL;
}

size_t kws_step_packed_bytes(const kws_step_shape *shape) {
  return SCALES * sizeof(float) + mix_numbers(shape) + filter_numbers(shape) +
         (size_t)shape->mix.units;
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
  const size_t mixed = padded(steps * (size_t)shape->mix.units * sizeof(float));
  const size_t unpacked = unpacked_bytes(shape);
  const size_t most = mixed > unpacked ? mixed : unpacked;
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

void kws_step_execute(const kws_step *step, const float *x, float *y, void *scratch) {
  const size_t units = (size_t)step->shape.mix.units;
  float *const mixed = aligned(scratch);
  if (step->structured)
    kws_ldr_execute(step->structured, step->steps, x, mixed, mixed + step->steps * units);
  else
    step->kernels->dense(&step->dense, step->steps, x, mixed);
  const size_t outputs = (step->steps - step->filter.taps) / step->filter.stride + 1;
  const float *shortcut = x + (step->filter.taps - 1) / 2 * units;
  step->kernels->filter(&step->filter, outputs, mixed, step->shape.shortcut ? shortcut : NULL, y);
}
