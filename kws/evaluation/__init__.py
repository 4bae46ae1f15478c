"""How good a model is: accuracy on clips, misses against false alarms per hour on streams."""
