"""Contact files: giving them in, following what becomes of them, taking back what was not taken."""
