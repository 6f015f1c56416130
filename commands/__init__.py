"""The command line: one file for each command of ``nightmail``, and the parts that commands share.

What belongs here: options, questions, what is shown, how processes on one machine are started. What does not: what a command
does, which is a function of the domain that the API and the pages call as well.

No module imports at its top what is heavy (a test holds the list): ``nightmail --help`` answers in 0.2 s, and each of these
packages would add as much again. Commands import them, and the rooms that need them, where they are used.
"""
