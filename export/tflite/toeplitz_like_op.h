/* KwsToeplitzLike for TensorFlow Lite.
 *
 * Inputs   x (..., inputs), g (rank, n), h (rank, n) and optionally bias (units), all float32,
 *          all but x constant; n = max(inputs, units).
 * Output   (..., units), float32.
 * Options  a flexbuffer map: "version" (KWS_OP_VERSION at most) and "units".
 *
 * The plan is made in Prepare; Invoke allocates nothing. */
#ifndef KWS_TOEPLITZ_LIKE_OP_H
#define KWS_TOEPLITZ_LIKE_OP_H

#include "tflite_abi.h"

#define KWS_OP_NAME "KwsToeplitzLike"

enum { KWS_OP_VERSION = 1 };

/* The op's functions, for a node of the delegate that stands for one node of the model. */
TfLiteRegistration kws_toeplitz_like_registration(void);

#endif
