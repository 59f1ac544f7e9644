"""Lettering: titles on test cards, drawn from a font of our own.

FFmpeg's text filter needs font libraries that not every build has; a 5 by 7 grid needs nothing and
looks the same everywhere. Only what titles use is here; any other character is a blank.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["letter", "stencil"]

_ROWS = 7
_COLUMNS = 5
# Seven rows of five bits, the leftmost highest.
_GLYPHS = {
    "0": "0E 11 13 15 19 11 0E",
    "1": "04 0C 04 04 04 04 0E",
    "2": "0E 11 01 06 08 10 1F",
    "3": "1F 01 02 06 01 11 0E",
    "4": "02 06 0A 12 1F 02 02",
    "5": "1F 10 1E 01 01 11 0E",
    "6": "06 08 10 1E 11 11 0E",
    "7": "1F 01 02 04 08 08 08",
    "8": "0E 11 11 0E 11 11 0E",
    "9": "0E 11 11 0F 01 02 0C",
    "A": "0E 11 11 1F 11 11 11",
    "B": "1E 11 11 1E 11 11 1E",
    "C": "0E 11 10 10 10 11 0E",
    "D": "1E 11 11 11 11 11 1E",
    "E": "1F 10 10 1E 10 10 1F",
    "F": "1F 10 10 1E 10 10 10",
    "G": "0E 11 10 17 11 11 0F",
    "H": "11 11 11 1F 11 11 11",
    "I": "0E 04 04 04 04 04 0E",
    "K": "11 12 14 18 14 12 11",
    "L": "10 10 10 10 10 10 1F",
    "M": "11 1B 15 15 11 11 11",
    "N": "11 19 15 13 11 11 11",
    "O": "0E 11 11 11 11 11 0E",
    "P": "1E 11 11 1E 10 10 10",
    "Q": "0E 11 11 11 15 12 0D",
    "R": "1E 11 11 1E 14 12 11",
    "S": "0F 10 10 0E 01 01 1E",
    "T": "1F 04 04 04 04 04 04",
    "U": "11 11 11 11 11 11 0E",
    "V": "11 11 11 11 11 0A 04",
    "W": "11 11 11 15 15 15 0A",
    "Y": "11 11 0A 04 04 04 04",
}


def stencil(text: str, scale: int = 1) -> npt.NDArray[np.bool_]:
    """Where the ink of ``text`` goes.

    Args:
        text: Capitals, digits and blanks.
        scale: Pixels per dot of the grid.

    Returns:
        Rows by columns, true where there is ink; one dot between characters.

    Example:
        >>> stencil("HI").shape
        (7, 11)
    """
    columns = len(text) * (_COLUMNS + 1) - 1
    ink = np.zeros((_ROWS, max(columns, 0)), dtype=np.bool_)
    for number, character in enumerate(text):
        for row, bits in enumerate(bytes.fromhex(_GLYPHS.get(character, "00" * _ROWS))):
            for column in range(_COLUMNS):
                ink[row, number * (_COLUMNS + 1) + column] = bits >> (_COLUMNS - 1 - column) & 1
    return ink.repeat(scale, axis=0).repeat(scale, axis=1)


def letter(luma: npt.NDArray[np.uint8], text: str, *, scale: int, top: int) -> None:
    """Write a centred line onto a picture's brightness, white on a darkened band.

    Args:
        luma: Rows by columns, changed in place.
        text: What to write.
        scale: Pixels per dot; smaller if the text would not fit.
        top: The band's first row.
    """
    height, width = luma.shape
    scale = max(min(scale, width // (len(text) * (_COLUMNS + 1) + 1)), 1)
    ink = stencil(text, scale)
    band = luma[top : min(top + ink.shape[0] + 4 * scale, height)]
    band //= 3
    left = (width - ink.shape[1]) // 2
    place = band[2 * scale : 2 * scale + ink.shape[0], left : left + ink.shape[1]]
    place[ink[: place.shape[0]]] = 235
