"""What one request to SendGrid may hold.

Source: "Mail Send", ``https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations``.
"""

MAXIMUM_RECIPIENTS = 1000
SUBSTITUTION_LIMIT = 9_500
"""Bytes of one recipient's substitutions, names included; SendGrid refuses 10,000."""
REQUEST_LIMIT = 28 * 1024 * 1024
"""Bytes of one request; SendGrid refuses 30 MB."""
