"""The search box: a page, a person or a team by what one types."""
