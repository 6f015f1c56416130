"""The address book: the people who are written to, and the lists of them."""
