"""Sending from the desk: a template, whom, a look at what goes out, and the send itself, with its undo."""
