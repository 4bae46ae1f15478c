/* KwsToeplitzLike for TensorFlow Lite.
 *
 * Inputs   x (..., inputs) float32
 *          g (rank, n)     the generators: constants, both float32, float16 or int8,
 *          h (rank, n)     n = max(inputs, units)
 *          scales (2, rank) float32 constant, if option "scaled" is 1: with int8 generators, and
 *                          only with these; row 0 for the rows of g, row 1 for those of h:
 *                          g[i][k] = scales[0][i] * stored g[i][k]
 *          bias (units)    float32 constant, if option "bias" is 1
 * Output   (..., units) float32
 * Options  a flexbuffer map of integers:
 *          "version"  1 or 2
 *          "units"
 *          "scaled", "bias"  0 or 1, both in version 2 only. Version 1 has float32 generators, no
 *                     scales, and a bias exactly if there is a fourth input.
 *
 * The plan is made in Prepare; Invoke allocates nothing. */
#ifndef KWS_TOEPLITZ_LIKE_OP_H
#define KWS_TOEPLITZ_LIKE_OP_H

#include "tflite_abi.h"

#define KWS_OP_NAME "KwsToeplitzLike"

enum { KWS_OP_VERSION = 2 };

/* The op's functions, for a node of the delegate that stands for one node of the model. */
TfLiteRegistration kws_toeplitz_like_registration(void);

#endif
