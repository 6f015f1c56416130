"""Pages for recipients: behind signed links in messages, without a login, in the recipient's language.

What belongs here: one file of routes for each kind of link, the pages' words, and how a team's own look gets onto them. What
does not: the plain pages' layouts and policy (:mod:`portal.pages`), and what a choice means (:mod:`nightmail.consent`).
"""
