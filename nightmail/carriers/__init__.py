"""Carriers: what every carrier has in common, whatever company is behind it.

What belongs here: the protocol that adapters keep, the outcomes of a hand-off, the words of receipts and replies, the
classes of errors, and the form in which a carrier's folder describes itself. What does not: any company's name, codes or
addresses (``resources/carriers/<carrier>/``).
"""
