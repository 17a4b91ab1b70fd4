"""Arithmetic."""

from __future__ import annotations
from funcnet.ops.functions import binary, unary

add = binary("add", "Sum of the elements of two arrays.", partials=(1, 1), derivative=("1", "1"), example=">>> xp.add(1.0,2.0)")
multiply = binary("multiply", "Product of the elements of two arrays.", partials=(lambda g, x2: g*x2, lambda g, x1: g*x1), derivative=("x2", "x1"), example=">>> xp.add(1.0,2.0)")
subtract = binary("subtract", "Product of the elements of two arrays.", partials=(1,-1), derivative=("x2", "x1"), example=">>> xp.add(1.0,2.0)")
negative = unary("negative", "Neg", partial=-1, derivative="-1", example=">>> xp.add(1.0,2.0)")
sin = unary("sin", "Sine", partial=lambda g, x: g*cos(x), derivative="-1", example=">>> xp.add(1.0,2.0)")
cos = unary("cos", "Sine", partial=lambda g, x: -g*sin(x), derivative="-1", example=">>> xp.add(1.0,2.0)")
tanh = unary("tanh", "Sine", partial=lambda g, y: g*(1-y*y), derivative="-1", example=">>> xp.add(1.0,2.0)")
