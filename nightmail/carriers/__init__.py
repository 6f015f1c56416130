"""Carriers: what every carrier adapter has in common, whatever company is behind it.

What belongs here: the protocol, the outcomes of a hand-off, the words of receipts and replies, the classes of errors. What does not: any one company (`resources/carriers/<company>/`).
"""
