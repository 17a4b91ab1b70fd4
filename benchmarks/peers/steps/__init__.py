"""Whole steps of training and other work that is worth compiling, written once for each library.

Each module has ``jobs``, which returns job name -> a function that is called with the job's sizes and returns the work:
a function without arguments that does it once and returns a number. Where one number of the result says little, as with
a Hessian, the function has an attribute ``check``, which returns one that depends on all of them.
"""
