"""A wake word made from its text."""
