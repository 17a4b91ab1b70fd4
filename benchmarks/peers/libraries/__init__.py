"""The same jobs in each library, one module per library.

A module has ``LIBRARY``, what it imports; ``version()``; ``threads(n)``, which sets the size of its thread pool where
the environment does not; and ``JOBS``. A job is called with its sizes, makes its arrays, and returns a function without
arguments that does the work once and returns a number by which the libraries' results are compared.
"""
