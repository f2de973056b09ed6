"""What isolation costs, as a table: ``python -m tests.bench [row …] [--json]``.

Each row measures this package and its baseline in turns, in the same run, because machines are noisy: read the ratios,
not the absolute figures. Everything that is started is closed again, and nothing of the user's settings is touched.
"""
