"""Reports: what analysts read. Days of receipts, replies, delivery and usage as Parquet, and a page with charts.

What belongs here: reading the ledger by indexed time and writing it out, and which days are to be written again. What does
not: how receipts are applied (:mod:`nightmail.receipts`), and the runs that write (``sensors``, ``assets``).
"""
