"""What each endpoint of the API needs, read from the endpoints themselves, and what each does about personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from nightmail.access.permissions import Permission

_NONE = "has none"
_REFUSED = "is refused: the file is nothing but personal data"
_TEXTS = "leaves out `text`"
_BODIES = "leaves out `text` and `media`; the writer's address is masked in any case"
_MASKS = "masks addresses, and leaves out what was written"
_IDS = "masks the external ids of contacts"
_TAKES = "takes personal data, and shows none"
_TAKES_AND_MASKS = "takes personal data, and masks it in what it answers"
_HASHES = "is asked for an address, and shows none"

PERSONAL_DATA: Mapping[tuple[str, str], str] = {
    ("POST", "/v1/contact-files"): _TAKES,
    ("GET", "/v1/contact-files/{file_id}"): _NONE,
    ("POST", "/v1/messages"): _TAKES,
    ("GET", "/v1/feeds"): _NONE,
    ("GET", "/v1/campaigns"): _NONE,
    ("GET", "/v1/campaigns/{campaign}"): _NONE,
    ("POST", "/v1/campaigns/{campaign}/approve"): _NONE,
    ("POST", "/v1/campaigns/{campaign}/pause"): _NONE,
    ("POST", "/v1/campaigns/{campaign}/resume"): _NONE,
    ("POST", "/v1/campaigns/{campaign}/cancel"): _NONE,
    ("GET", "/v1/campaigns/{campaign}/messages"): _NONE,
    ("GET", "/v1/campaigns/{campaign}/contacts/{line}"): _NONE,
    ("GET", "/v1/campaigns/{campaign}/replies"): _TEXTS,
    ("GET", "/v1/campaigns/{campaign}/rejects.csv"): _REFUSED,
    ("GET", "/v1/campaigns/{campaign}/report"): _NONE,
    ("GET", "/v1/reports"): _NONE,
    ("GET", "/v1/reports/export"): _NONE,
    ("GET", "/v1/doubts"): _NONE,
    ("POST", "/v1/doubts/{message}"): _NONE,
    ("POST", "/v1/campaigns/{campaign}/doubts"): _NONE,
    ("GET", "/v1/suspensions"): _NONE,
    ("POST", "/v1/suspensions"): _NONE,
    ("DELETE", "/v1/suspensions/{suspension_id}"): _NONE,
    ("GET", "/v1/suppressions"): _HASHES,
    ("POST", "/v1/suppressions"): _HASHES,
    ("DELETE", "/v1/suppressions/{suppression_id}"): _NONE,
    ("POST", "/v1/campaigns"): _NONE,
    ("GET", "/v1/segments"): _NONE,
    ("POST", "/v1/segments"): _NONE,
    ("POST", "/v1/segments/count"): _NONE,
    ("GET", "/v1/segments/{segment_id}"): _NONE,
    ("PATCH", "/v1/segments/{segment_id}"): _NONE,
    ("DELETE", "/v1/segments/{segment_id}"): _NONE,
    ("GET", "/v1/lists"): _NONE,
    ("POST", "/v1/lists"): _NONE,
    ("GET", "/v1/lists/{list_id}"): _NONE,
    ("GET", "/v1/lists/{list_id}/entries"): _IDS,
    ("PATCH", "/v1/lists/{list_id}"): _NONE,
    ("DELETE", "/v1/lists/{list_id}"): _NONE,
    ("POST", "/v1/contacts/imports"): _TAKES,
    ("GET", "/v1/contacts/imports"): _NONE,
    ("GET", "/v1/contacts/imports/{number}"): _NONE,
    ("POST", "/v1/contacts/imports/{number}/apply"): _NONE,
    ("POST", "/v1/contacts/imports/{number}/discard"): _NONE,
    ("POST", "/v1/contacts/imports/{number}/undo"): _NONE,
    ("GET", "/v1/contacts/imports/{number}/rejects.csv"): _REFUSED,
    ("GET", "/v1/contacts/attributes"): _NONE,
    ("POST", "/v1/contacts/attributes"): _NONE,
    ("PATCH", "/v1/contacts/attributes/{attribute}"): _NONE,
    ("POST", "/v1/contacts/attributes/{attribute}/remove"): _NONE,
    ("GET", "/v1/contacts"): _MASKS,
    ("POST", "/v1/contacts"): _TAKES_AND_MASKS,
    ("GET", "/v1/contacts/export"): _REFUSED,
    ("GET", "/v1/contacts/{contact}"): _MASKS,
    ("PATCH", "/v1/contacts/{contact}"): _TAKES_AND_MASKS,
    ("POST", "/v1/contacts/{contact}/remove"): _TAKES_AND_MASKS,
    ("POST", "/v1/contacts/{contact}/restore"): _TAKES_AND_MASKS,
    ("GET", "/v1/contacts/{contact}/changes"): _MASKS,
    ("GET", "/v1/contacts/{contact}/notes"): _TEXTS,
    ("POST", "/v1/contacts/{contact}/notes"): _TAKES,
    ("DELETE", "/v1/contacts/{contact}/notes/{note}"): _NONE,
    ("GET", "/v1/groups"): _NONE,
    ("POST", "/v1/groups"): _NONE,
    ("PATCH", "/v1/groups/{group}"): _NONE,
    ("GET", "/v1/groups/{group}/members"): _MASKS,
    ("POST", "/v1/groups/{group}/members"): _TAKES,
    ("POST", "/v1/groups/{group}/members/remove"): _TAKES,
    ("POST", "/v1/groups/{group}/remove"): _NONE,
    ("GET", "/v1/merges/proposals"): _NONE,
    ("GET", "/v1/merges"): _NONE,
    ("POST", "/v1/merges"): _NONE,
    ("POST", "/v1/merges/{number}/undo"): _NONE,
    ("GET", "/v1/consents"): _HASHES,
    ("POST", "/v1/consents"): _TAKES,
    ("POST", "/v1/consents/withdrawals"): _TAKES,
    ("GET", "/v1/consents/evidence"): _MASKS,
    ("GET", "/v1/consents/texts"): _NONE,
    ("POST", "/v1/consents/texts"): _NONE,
    ("GET", "/v1/preferences"): _HASHES,
    ("POST", "/v1/preferences"): _TAKES,
    ("GET", "/v1/alerts"): _NONE,
    ("POST", "/v1/alerts/{alert_id}/close"): _NONE,
    ("GET", "/v1/replies"): _BODIES,
    ("POST", "/v1/replies/{reply_id}/decision"): _NONE,
    ("POST", "/v1/webhooks"): "`reply.received` is told without what was written",
    ("GET", "/v1/webhooks"): _NONE,
    ("GET", "/v1/recipients"): _MASKS,
    ("GET", "/v1/webhooks/{webhook_id}"): _NONE,
    ("DELETE", "/v1/webhooks/{webhook_id}"): _NONE,
    ("POST", "/v1/webhooks/{webhook_id}/test"): _NONE,
    ("GET", "/v1/webhooks/{webhook_id}/calls"): _NONE,
    ("GET", "/v1/audit"): "has none: addresses stand in it as hashes",
    ("GET", "/v1/audit/export"): "has none: addresses stand in it as hashes",
    ("GET", "/v1/keys"): _NONE,
    ("POST", "/v1/keys"): _NONE,
    ("POST", "/v1/keys/{key_id}/rotate"): _NONE,
    ("DELETE", "/v1/keys/{key_id}"): _NONE,
}
"""What each endpoint does without ``personal.see``: decided here for every one, and a test finds one that is not."""

SHOWS_PERSONAL_DATA = frozenset(
    route for route, without in PERSONAL_DATA.items() if without in (_REFUSED, _TEXTS, _BODIES, _MASKS, _IDS)
)
"""The endpoints that show personal data to who may see it: each records that it did, and a test finds one that does not."""


def api_routes() -> Iterator[tuple[str, str, tuple[Permission, ...]]]:
    """Method, path and needed permissions of every endpoint under ``/v1``, in the order of the API's description."""
    from portal.application import ROUTERS

    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.path.startswith("/v1/"):
                for method in sorted(route.methods or ()):
                    yield method, route.path, needed_by(route)


def needed_by(route: APIRoute) -> tuple[Permission, ...]:
    """The permissions that an endpoint needs, all of them; none for one that asks for no key."""
    return tuple(Permission(name) for name in _scopes(route.dependant))


def _scopes(dependant: Dependant) -> list[str]:
    found = [scope for scope in dependant.own_oauth_scopes or () if scope]
    for below in dependant.dependencies:
        found += _scopes(below)
    return list(dict.fromkeys(found))
