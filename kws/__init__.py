"""kws: tiny keyword spotting with structured transforms."""

__version__ = "0.1.0"
