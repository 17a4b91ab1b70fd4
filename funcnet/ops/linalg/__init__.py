"""Linear algebra: the operations of the standard's extension ``linalg``, one module per theme.

Nothing is imported here, so that each module is loaded when it is needed.
"""
