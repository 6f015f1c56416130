"""People: who logs in, what they may do, and invitations."""
