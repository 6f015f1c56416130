"""Replies: what recipients said, each with the message that it answers and what it led to."""
