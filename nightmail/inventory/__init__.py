"""What is set up, as administrators look at it: accounts, senders, servers, prices, categories, teams; how each is, and what the
organisation file would say of it.

All of it is read from what other rooms have recorded: nothing here asks a carrier, a server or a mailbox. What a part may be
changed to is the business of :mod:`nightmail.provisioning`, of suspensions (:mod:`nightmail.campaigns.suspensions`) and of teams'
webhooks (:mod:`nightmail.events.team_webhooks`).
"""
