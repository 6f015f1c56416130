"""The portal's first page, and the list of keys."""
