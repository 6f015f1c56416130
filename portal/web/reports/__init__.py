"""Reports: the figures of a range of days, with charts, tables and files to take along."""
