"""The parts of lowering: what layers become in a .tflite, and edits of the file itself."""
