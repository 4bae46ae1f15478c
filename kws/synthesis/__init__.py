"""Speech made from text, and corpora completed with it."""
