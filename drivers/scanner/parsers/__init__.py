"""Pure, incremental parsers of what scan guns send. They see bytes and a time argument; never a device or a clock."""
