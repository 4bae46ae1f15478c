"""Results as pictures and as one page."""
