"""Fuzzing of every parser that reads bytes from outside: what each must hold for any bytes at all (the targets), a
seeded mutator for a short slice anywhere, and atheris for the long run (`guitai fuzz`)."""
