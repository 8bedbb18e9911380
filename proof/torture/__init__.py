"""Torture: the real processes on loopback, under load, killed with kill -9 at random moments and started again."""
