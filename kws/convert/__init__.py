"""A keras.Model becomes a .tflite."""
