"""Twilio's errors that the stand-in answers, as Twilio words them."""

from __future__ import annotations

from sandbox.http_server import Response, json_response

ERRORS = {
    20001: (400, "Bad request: {detail}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {detail} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url is not a valid URL: {detail}"),
    21211: (400, "Invalid 'To' Phone Number: {detail}"),
    21212: (400, "Invalid 'From' Number: {detail}"),
    21213: (400, "'From' phone number is required"),
    21214: (400, "'To' phone number {detail} cannot be reached"),
    21215: (400, "Account not authorized to call {detail}"),
    21216: (400, "Account not allowed to call {detail}"),
    21217: (400, "Phone number {detail} does not appear to be valid"),
    21210: (400, "'From' phone number {detail} not verified"),
    21266: (400, "'To' and 'From' number cannot be the same: {detail}"),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {detail}",
    ),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number {detail} is not a valid, message-capable Twilio phone number"),
    21609: (400, "The 'StatusCallback' URL {detail} is not a valid URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' ({detail}) and 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number: {detail}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21659: (400, "'From' {detail} is not a Twilio phone number or Short Code country mismatch"),
    29999: (400, "A code that no dictionary has"),
}


def error_response(code: int, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    """Twilio's answer for a code. Raises ``KeyError`` for a code that the stand-in does not know."""
    status, message = ERRORS[code]
    content = {
        "code": code,
        "message": message.format(detail=detail),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return json_response(status, content, headers)
