"""The speed, measured, with peers beside it. Every benchmark is run as ``python -m benchmarks.NAME`` and prints JSON."""
