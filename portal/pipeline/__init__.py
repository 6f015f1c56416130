"""Dagster's pages under ``/pipeline/``, for who may see or operate the pipeline. Dagster itself is on a Unix socket.

What belongs here: who may ask Dagster what (:mod:`portal.pipeline.operations`), and passing it on. Dagster's pages are its own,
with their own content security policy; nothing of a person's session is passed on to it.
"""
