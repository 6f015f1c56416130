"""Campaigns: the list, one campaign with what became of its rows and messages, and the orders that people give it."""
