"""The command line ``nightmail``. It may import every room."""
