"""When and how it is made: the one ``Definitions`` object, partitions, jobs, schedules and how runs are launched.

What belongs here: Dagster's own parts, put together. What does not: assets, sensors and resources, which are in rooms of
their own.
"""
