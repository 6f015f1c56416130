"""One's own page: name, language and zone, the ways to log in, sessions."""
