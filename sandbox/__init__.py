"""Stand-ins for the outside, on loopback: carriers and an SFTP server, for trying and testing.

What belongs here: processes that speak the wire formats of others, and can misbehave. What does not: any import of the product's
code, so that what a stand-in logs is the word of an independent witness.
"""
