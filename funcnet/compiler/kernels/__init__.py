"""Compiled kernels of single operations, which loops over elements cannot express."""
