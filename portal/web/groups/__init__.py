"""Groups of contacts, put together by hand."""
