"""Double entry: what a change of an order or a refund books. Pure: no clock, no store."""
