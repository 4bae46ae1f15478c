"""Where clips come from: folders of recordings, synthesis, noise."""
