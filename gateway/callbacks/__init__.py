"""The callback gateway: what wallets post to `/notify/{channel}/{account}`, from raw bytes to decision and reply."""
