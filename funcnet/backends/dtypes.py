"""Names of data types, the form in which dtypes travel between backends."""

from types import MappingProxyType

__all__ = ["COMPLEX_OF", "FLOATS", "OPTIONAL", "STANDARD"]

#: The data types of the Array API standard.
STANDARD: tuple[str, ...] = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
)

#: Data types beyond the standard that some backends have.
OPTIONAL: tuple[str, ...] = ("float16", "bfloat16")

#: What ``use_backend(dtype=...)`` accepts, where the backend has it.
FLOATS: tuple[str, ...] = ("float16", "bfloat16", "float32", "float64")

#: The complex data type that goes with each floating-point one.
COMPLEX_OF = MappingProxyType(
    {"float16": "complex64", "bfloat16": "complex64", "float32": "complex64", "float64": "complex128"}
)
