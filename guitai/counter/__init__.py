"""One sale without a screen: what `guitai pay` does with a scanner, a till and a clock."""
