"""Teams: the organisation as a tree, and one team with what it states."""
