"""Preparation: the stages from a file to the ledger, their contracts and their reconciliation.

What belongs here: the order of the stages, what each is given, and the checks between them. What does not: what a stage computes (its own room).
"""
