"""Evidence: the real code under simulation, torture, crash images and benchmarks.

May import every room but the command; only `guitai` and the tests import it.
"""
