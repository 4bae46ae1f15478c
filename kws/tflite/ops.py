"""Names and versions of this project's TFLite operators, the same as in export/tflite."""

TOEPLITZ_LIKE, TEMPORAL_STEP = "KwsToeplitzLike", "KwsTemporalStep"

QUANTIZED_VERSION = 2  # of KwsToeplitzLike with generators in float16 or int8
TEMPORAL_STEP_VERSION = 1
STREAMING_STEP_VERSION = 2  # of KwsTemporalStep with a state

# The newest version of each operator that the op library in this package runs.
OP_VERSIONS = {TOEPLITZ_LIKE: 2, TEMPORAL_STEP: 2}

# Stands in the names of tensors that quantization must leave alone.
FLOAT_SCOPE = "kws_structured"
