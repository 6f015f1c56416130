"""The outside: the lake, the database, SFTP servers and carriers."""
