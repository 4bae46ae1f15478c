"""The .tflite file itself: its operators, graph, bytes and metadata."""
