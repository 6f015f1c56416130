"""Templates: their versions, what differs, the way back, and how each body reads."""
