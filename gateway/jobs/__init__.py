"""The durable schedule: when a payment is asked about or undone (pure); the loop and the hands that do it (edges)."""
