"""Tags by which runs are known again, where more than one room reads them."""

ENDED_TAG = "nightmail/ended_with_daemon"
"""On runs that ended because their daemon did: it says nothing about what they worked on."""
LOST_TAG = "nightmail/lost"
"""On runs whose process vanished, with its host or by itself: which of the two, nobody can say."""
