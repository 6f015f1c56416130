"""API keys: which programs may do what, made, rotated and revoked."""
