/* The ops of this library, by name. */
#ifndef KWS_OPS_H
#define KWS_OPS_H

#include "tflite_abi.h"

/* Fills the registration of an op of ours; false for any other name, or NULL. */
bool kws_find_op(const char *name, TfLiteRegistration *registration);

#endif
