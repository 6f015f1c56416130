"""The parts of one sender: each can be made and tried without the others' threads and processes.

======================  =============================================================================================
:mod:`.session`         the database connection, the run that it locks, and waiting for a database that went away
:mod:`.watch`           what may be sent at this moment, as last read from the database
:mod:`.routing`         campaigns and the routes that their messages take now
:mod:`.filling`         takes due messages by plan, turns and pace, and commits their intents
:mod:`.hand_offs`       the threads that hand messages to carriers, and what they have in hand
:mod:`.collecting`      writes outcomes to the ledger
:mod:`.reactions`       what follows from outcomes beside the message itself: slow down, leave alone, suspend, alert
:mod:`.tidying`         what time and receipts decide meanwhile, in a thread beside
======================  =============================================================================================

What belongs here: what one sender process keeps in memory while it drains. What does not: statements on the ledger that
other processes use as well (:mod:`nightmail.sending`). :mod:`nightmail.sending.senders` puts the parts together.
"""
