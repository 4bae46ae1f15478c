"""Evaluation of models: accuracy on clips, misses and false alarms per hour on streams."""
