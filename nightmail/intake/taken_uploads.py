"""An upload by the API or the portal becomes a campaign: registered, and its end estimated for who waits for the answer."""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.access.principals import Principal
from nightmail.errors import UsageError
from nightmail.forecasts.finish_estimates import estimated_finish
from nightmail.forecasts.recorded_forecasts import record_forecast
from nightmail.intake.arrivals import Arrival, Registered, register_file
from nightmail.intake.received_files import find_received_file, forget_stored_content
from nightmail.intake.upload_rights import require_upload
from nightmail.organisation.stored_feeds import FeedRow
from nightmail.preparation.source_files import stored_files
from nightmail.stated_times import StatedStart


def take_upload(
    connection: Connection,
    feed: FeedRow,
    arrival: Arrival,
    *,
    by: Principal,
    again: bool = False,
    start: StatedStart | None = None,
    rows: int | None = None,
) -> Registered:
    """Register a whole file, in the caller's transaction, and keep an estimate of when its campaign ends.

    ``rows`` is about how many the file has, where that is known. The content of a ``repeated`` file is not kept: the caller
    removes it. A file that corrects another must come to the same feed. Raises :class:`UsageError` (``file_unknown``) and
    :class:`~nightmail.errors.NightmailError` (``not_permitted``).
    """
    require_upload(by, feed)
    if arrival.corrects_id is not None:
        corrected = find_received_file(connection, arrival.corrects_id)
        if corrected is None or (corrected.team, corrected.feed) != (feed.team, feed.name):
            raise UsageError("file_unknown", file=arrival.corrects_id)
    done = register_file(connection, feed, arrival, actor=by.actor, again=again, start=start)
    if done.state == "repeated":
        forget_stored_content(connection, done.file_id)
    elif done.state == "taken" and done.campaign is not None:
        # The parts of a file are about as large as its last one, which made the campaign.
        of_all = None if rows is None else rows * len(stored_files(connection, done.campaign))
        ending = estimated_finish(connection, done.campaign, of_all)
        record_forecast(connection, done.campaign, ending, estimated=True)
    return done
