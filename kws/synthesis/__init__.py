"""Speech made from text, other speakers made of recordings, and corpora completed with both."""
