"""What carriers tell: receipts, replies and keys pressed, each with a signature, at a few thousand a second."""
