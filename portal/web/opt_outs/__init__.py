"""Opt-outs and other suppressions: addresses that must not be used, why, added and lifted by hand; and what probably asks for an end."""
