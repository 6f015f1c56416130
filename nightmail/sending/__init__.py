"""From rendered messages to carriers and back: the ledger, its senders, and what carriers say."""
