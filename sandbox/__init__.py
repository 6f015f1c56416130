"""The outside in a box, for trying and testing: an SFTP server and carriers on loopback."""
