"""How well layers, losses, metrics and optimizers agree with implementations that are not ours.

``python -m benchmarks.agreement`` prints the table, and with ``--write`` writes it to ``docs/agreement.md``.
"""
