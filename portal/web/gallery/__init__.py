"""Every part that pages are built of, in every state: for those who build pages, and for the tests that look at them."""
