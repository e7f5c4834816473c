"""Where an action stands: the table, the events, the aggregate, and what follows from an answer."""
