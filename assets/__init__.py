"""What is made: one file per stage, in the order the data flows.

What belongs here: an asset, a check or an op that reads its inputs, calls one function of the domain, and answers with
metadata. What does not: what is computed (``nightmail``), and when it runs (``sensors``, ``pipelines``).
"""
