"""The paths under which Twilio reaches us. Accounts and calls that are under way hold them: they never change."""

NAME = "twilio"
"""The carrier's name, which is in each path."""

MESSAGE_STATUS = "/webhooks/twilio/message-status"
CALL_STATUS = "/webhooks/twilio/call-status"
KEYS = "/webhooks/twilio/keys"
INBOUND_SMS = "/webhooks/twilio/inbound-sms"
