"""Eager, interpreted, planned and fused execution of random programs compared.

``python -m benchmarks.equality``
"""
