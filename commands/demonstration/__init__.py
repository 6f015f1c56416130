"""The demo: files in by SFTP and by the API, messages out on three channels, answers back, corrections, a report.

It drives the product by its own doors only (SFTP, the API, the carriers' side of the sandbox) and looks at what any team can
see: the files beside the upload, the lake, the ledger's counts. What belongs here: the story, the files that it sends, and how
it is shown. What does not: how the parts are started (:mod:`commands.deployment`).
"""
