"""The wallets' daily bills: fetched on T+1, kept as they came, read into one kind of line."""
