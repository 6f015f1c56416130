"""What waits for approval, and what an approval would be bound to."""
