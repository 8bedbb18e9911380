"""Benchmarks: each number beside a reference measured in the same run; the ratio is what has a bound, not the time."""
