"""Files for browsers: our own styles and scripts, and which files of others belong beside them."""
