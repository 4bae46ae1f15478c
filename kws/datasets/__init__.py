"""Recorded clips and what is done to them before they become features."""
