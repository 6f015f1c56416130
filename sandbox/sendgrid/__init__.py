"""A stand-in for SendGrid's v3 API. It uses none of Nightmail's code, so that it is an independent witness."""
