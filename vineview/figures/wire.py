"""A figure on its way out: as buffers for a widget message, as compact JSON for a file.

Arrays never become lists of numbers. In a message they travel as binary beside the text, each
array once however many traces share it; in JSON they are plotly's own base64 form. A line's
instants travel in half their size, as steps of a 4,000,000,000th of their span.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Instants", "compact_json", "dated", "packed", "stamps"]

_CODES = {"float64": "f8", "float32": "f4", "int64": "i4", "int32": "i4"}

_STEPS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Instants:
    """Ascending instants in milliseconds, to be packed as steps from the first."""

    at_ms: np.ndarray[Any, np.dtype[np.float64]]


def stamps(at_ms: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Milliseconds since 1970 as instants plotly shows as they are.

    Plotly.js takes a bare number for an instant of the reader's own zone and would show UTC hours
    shifted by it.

    Example:
        >>> stamps(np.array([0.0]))
        array(['1970-01-01T00:00:00.000'], dtype='datetime64[ms]')
    """
    return np.round(at_ms).astype("datetime64[ms]")


def dated(spec: dict[str, Any]) -> dict[str, Any]:
    """A figure over time for any plotly: each instant on its time axis as `stamps` has it.

    Args:
        spec: ``data`` and ``layout``, instants in milliseconds.
    """

    def moved(thing: dict[str, Any]) -> dict[str, Any]:
        places = [name for name in ("x", "x0", "x1") if thing.get("xref") == "x" and name in thing]
        return thing | {name: _stamp(thing[name]) for name in places}

    layout = dict(spec["layout"])
    layout["xaxis"] = layout["xaxis"] | {"range": [_stamp(at) for at in layout["xaxis"]["range"]]}
    for name in ("shapes", "annotations"):
        layout[name] = [moved(each) for each in layout.get(name, ())]
    data = [trace | {"x": stamps(np.asarray(trace["x"], dtype=float))} for trace in spec["data"]]
    return {"data": data, "layout": layout}


def packed(spec: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Take the arrays out of a figure.

    Args:
        spec: ``data`` and ``layout`` with numpy arrays and `Instants`.

    Returns:
        The same with ``{"vv_buffer": i, "dtype": ...}`` in their place, and the buffers; instants
        have ``start`` and ``step`` beside, in milliseconds.

    Example:
        >>> packed({"data": [{"x": np.zeros(2)}]})[0]
        {'data': [{'x': {'vv_buffer': 0, 'dtype': 'float64'}}]}
    """
    buffers: list[bytes] = []
    places: dict[int, dict[str, Any]] = {}

    def place(found: np.ndarray[Any, Any] | Instants) -> dict[str, Any]:
        array = found.at_ms if isinstance(found, Instants) else found
        if id(array) not in places and isinstance(found, Instants) and array.size:
            start, span = float(array[0]), float(array[-1] - array[0])
            step = span / _STEPS or 1.0
            steps = np.minimum(np.round((array - start) / step), _STEPS).astype(np.uint32)
            at = {"vv_buffer": len(buffers), "dtype": "uint32", "start": start, "step": step}
            places[id(array)] = at
            buffers.append(steps.tobytes())
        elif id(array) not in places:
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

    def encode(array: np.ndarray[Any, Any]) -> Any:
        if array.dtype.kind == "M":
            return [text.removesuffix(".000") for text in np.datetime_as_string(array).tolist()]
        numbers = array.astype(np.int32) if array.dtype == np.int64 else array
        return {
            "dtype": _CODES[str(numbers.dtype)],
            "bdata": base64.b64encode(numbers.tobytes()).decode("ascii"),
        }

    return {name: _mapped(part, encode) for name, part in spec.items()}


def _stamp(at_ms: float) -> str:
    return str(stamps(np.array([at_ms]))[0])


def _mapped(part: Any, replace: Any) -> Any:
    if isinstance(part, np.ndarray | Instants):
        return replace(part)
    if isinstance(part, dict):
        return {name: _mapped(value, replace) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_mapped(value, replace) for value in part]
    return part.item() if isinstance(part, np.generic) else part
