"""The numpy arrays that programs hold, named by what they are of; a file with another kind of number is refused."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

#: Amounts in double precision, or in single where the original computes so.
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Integers: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]
#: Bits that are combined, in words as narrow as they allow.
Bits: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
#: What goes through steps and nodes: one row per instance.
Matrix: TypeAlias = npt.NDArray[Any]
