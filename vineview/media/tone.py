"""Tone: colours made fit for an ordinary screen, above all those of high dynamic range.

What ITU-R BT.2100 stores, as PQ or HLG, looks washed out where it is taken for BT.709. Each colour
is taken to the light it stands for, as a share of the 203 cd/m2 of diffuse white (BT.2408), pressed
below 1 by Reinhard's curve, with 1000 cd/m2 as its white, and stored as BT.709 has it.
"""

from __future__ import annotations

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc

__all__ = ["is_hdr", "known_colours", "tone_mapping"]

_UNSPECIFIED = 2
_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
_PRIMARIES = frozenset({1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22})
_TRANSFERS = frozenset({1, 2, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18})

_PQ = (
    "st(0,pow(val/maxval,1/78.84375));"
    "10000*pow(max(ld(0)-0.8359375,0)/(18.8515625-18.6875*ld(0)),1/0.1593017578125)"
)
_HLG = (
    "st(0,val/maxval);"
    "1000*pow(if(lte(ld(0),0.5),ld(0)*ld(0)/3,(exp((ld(0)-0.55991073)/0.17883277)+0.28466892)/12),1.2)"
)
_LIGHT = {ColorTrc.SMPTE2084: _PQ, ColorTrc.ARIB_STD_B67: _HLG}  # BT.2100 tables 4 and 5, in cd/m2
_PRESSED = "st(1,({light})/203);maxval*ld(1)*(1+ld(1)*0.041209)/(1+ld(1))"  # (203 / 1000) squared
_STORED = (
    "st(0,val/maxval);maxval*if(lt(ld(0),0.018),4.5*ld(0),1.099*pow(ld(0),0.45)-0.099)"  # BT.709
)
_BT2020_TO_BT709 = (  # BT.2087, of light
    "1.6605:-0.5876:-0.0728:0:-0.1246:1.1329:-0.0083:0:-0.0182:-0.1006:1.1187"
)


def is_hdr(frame: VideoFrame) -> bool:
    """Whether a picture is of high dynamic range."""
    return frame.color_trc in _LIGHT


def known_colours(frame: VideoFrame) -> VideoFrame:
    """The picture, without what it says of its colours where FFmpeg's scaler would refuse it.

    Reserved numbers, logarithmic transfer and rare matrices are then taken for the usual. Source of
    the numbers: ITU-T H.273, and what libswscale takes of them.
    """
    if frame.colorspace not in _MATRICES:
        frame.colorspace = _UNSPECIFIED
    if frame.color_primaries not in _PRIMARIES:
        frame.color_primaries = _UNSPECIFIED
    if frame.color_trc not in _TRANSFERS:
        frame.color_trc = _UNSPECIFIED
    return frame


def tone_mapping(graph: Graph, frame: VideoFrame) -> list[FilterContext]:
    """The filters that take pictures like this one to BT.709; none if it needs none.

    Args:
        graph: Where they are added; they are not linked yet.
        frame: A picture as decoded.
    """
    light = _LIGHT.get(ColorTrc(frame.color_trc)) if is_hdr(frame) else None
    if light is None:
        return []
    pressed = _PRESSED.format(light=light)
    return [
        graph.add("scale", "in_color_matrix=bt2020"),
        graph.add("format", "pix_fmts=gbrp16le"),
        graph.add("lutrgb", r=pressed, g=pressed, b=pressed),
        graph.add("colorchannelmixer", _BT2020_TO_BT709),
        graph.add("lutrgb", r=_STORED, g=_STORED, b=_STORED),
        graph.add("setparams", "color_trc=bt709:color_primaries=bt709:colorspace=gbr:range=pc"),
        graph.add("scale", "out_color_matrix=bt709:out_range=tv"),
    ]
