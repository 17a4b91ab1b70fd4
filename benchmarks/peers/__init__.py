"""Funcnet beside other libraries: one worker process per library, timed in turns.

``python -m benchmarks.peers`` prints the table; see ``--help``.
"""
