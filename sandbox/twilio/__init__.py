"""A stand-in for Twilio's REST API 2010-04-01. It uses none of Nightmail's code, so that it is an independent witness."""
