"""Where it is kept: the unit of work, the log, the status row, and who may see what."""
