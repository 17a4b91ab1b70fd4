"""Graphs of whole functions: captured once, checked, rewritten, planned and run."""
