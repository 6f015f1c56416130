"""Messages: the list with filters, as CSV, and the page of each."""
