"""Imports of contact files into the address book: what would change is shown first, then it is applied, and can be taken back."""
