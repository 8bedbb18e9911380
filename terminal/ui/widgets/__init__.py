"""The drawn parts that pages are made of. They know a `Look` and plain values, and no use case."""
