"""Carriers' webhooks: receipts, replies and keys pressed in calls, a few thousand a second, each with a signature.

What belongs here: what is the same for every carrier, from the bounded body to the answer after the commit. What does not: which
addresses there are, how a carrier signs and what its requests mean (``resources/carriers/<carrier>/webhooks.py``).
"""
