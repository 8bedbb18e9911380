"""The durable schedule: when a payment is asked about or undone (pure), and the loop and the hands that do it (edges)."""
