"""The domain of Nightmail: contact files, contacts, preferences, templates, sending, reports and the store.

What belongs here: everything that can be computed or stored without Dagster and without a web framework.
What does not: Dagster objects (``assets``, ``sensors``, ``pipelines``), connections to the outside (``resources``),
HTTP (``portal``) and the command line (``commands``).
"""

__version__ = "0.1.0"
