"""Segments: a rule over what is known of contacts, built without scripts, shown as a sentence, with who fits now."""
