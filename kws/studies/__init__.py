"""Many recipes and seeds, trained, measured and compared."""
