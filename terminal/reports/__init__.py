"""The day at a glance, read from the journal."""
