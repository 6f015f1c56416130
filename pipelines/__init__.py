"""When and how it is made: the one ``Definitions`` object, partitions, jobs and schedules."""
