/* KwsTemporalStep for TensorFlow Lite: a step of the temporal network in one op, as step.h says.
 *
 * Inputs   x (..., steps, inputs) float32
 *          packed (bytes)  int8 constant: the step's numbers with their scales, as in step.h
 * Output   (..., (steps - taps) / stride + 1, units) float32
 * Options  a flexbuffer map of integers:
 *          "version"   1
 *          "units", "rank" (0: the mix is a plain matrix), "taps", "stride"
 *          "shortcut"  0 or 1
 *
 * Version 2 is a step in a stream, which goes on from a state and gives the next one.
 *
 * Inputs   x, packed, before (..., rows, units) float32
 * Outputs  (..., steps / stride, units), or with a pool (..., 1, units), float32
 *          after, as before
 * Options  also "history" and "pool"; rows are history + (shortcut ? taps / 2 : 0) +
 *          (pool ? pool - steps / stride : 0)
 *
 * The step is unpacked in Prepare; Invoke allocates nothing. */
#ifndef KWS_TEMPORAL_STEP_OP_H
#define KWS_TEMPORAL_STEP_OP_H

#include "tflite_abi.h"

#define KWS_STEP_OP_NAME "KwsTemporalStep"

enum { KWS_STEP_OP_VERSION = 2 };

/* The op's functions, for a node of the delegate that stands for one node of the model. */
TfLiteRegistration kws_temporal_step_registration(void);

#endif
