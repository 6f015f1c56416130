"""What feeds are: their settings, the contract of their files, and the files that came last."""
