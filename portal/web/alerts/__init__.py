"""Alerts: what people must look at, and closing it."""
