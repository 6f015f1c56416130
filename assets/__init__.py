"""What is made: one file per stage, in the order the data flows. An asset is thin; the work is in ``nightmail``."""
