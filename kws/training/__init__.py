"""A recipe and clips become a trained network in a run folder."""
