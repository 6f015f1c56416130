"""Doubts: messages of which it is not known whether the carrier took them, and what people decide about them."""
