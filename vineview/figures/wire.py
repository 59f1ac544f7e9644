"""A figure on its way out: as buffers for a widget message, as compact JSON for a file.

Arrays never become lists of numbers. In a message they travel as binary beside the text, each
array once however many traces share it; in JSON they are plotly's own base64 form.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

__all__ = ["compact_json", "packed"]

_CODES = {"float64": "f8", "float32": "f4", "int64": "i4", "int32": "i4"}


def packed(spec: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Take the arrays out of a figure.

    Args:
        spec: ``data`` and ``layout`` with numpy arrays.

    Returns:
        The same with ``{"vv_buffer": i, "dtype": ...}`` in their place, and the buffers.

    Example:
        >>> packed({"data": [{"x": np.zeros(2)}]})[0]
        {'data': [{'x': {'vv_buffer': 0, 'dtype': 'float64'}}]}
    """
    buffers: list[bytes] = []
    places: dict[int, dict[str, Any]] = {}

    def place(array: np.ndarray[Any, Any]) -> dict[str, Any]:
        if id(array) not in places:
            numbers = array if array.dtype == np.float32 else array.astype(np.float64)
            places[id(array)] = {"vv_buffer": len(buffers), "dtype": str(numbers.dtype)}
            buffers.append(numbers.tobytes())
        return places[id(array)]

    return {name: _mapped(part, place) for name, part in spec.items()}, buffers


def compact_json(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure as JSON that any plotly reads, arrays in base64.

    Args:
        spec: ``data`` and ``layout`` with numpy arrays.
    """

    def encode(array: np.ndarray[Any, Any]) -> dict[str, Any]:
        numbers = array.astype(np.int32) if array.dtype == np.int64 else array
        return {
            "dtype": _CODES[str(numbers.dtype)],
            "bdata": base64.b64encode(numbers.tobytes()).decode("ascii"),
        }

    return {name: _mapped(part, encode) for name, part in spec.items()}


def _mapped(part: Any, replace: Any) -> Any:
    if isinstance(part, np.ndarray):
        return replace(part)
    if isinstance(part, dict):
        return {name: _mapped(value, replace) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_mapped(value, replace) for value in part]
    return part.item() if isinstance(part, np.generic) else part
