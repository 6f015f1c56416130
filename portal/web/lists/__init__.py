"""Distribution lists: contacts, groups, segments and other lists, included and excluded."""
