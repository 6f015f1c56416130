"""Find a recipient: everything that somebody got or did not get, and why. An address is posted, and never stands in a page's address."""
