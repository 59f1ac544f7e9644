"""OpenTelemetry metrics as OTLP-JSON, read as samples.

Points of one resource, one set of attributes and one instant are one sample. Gauges and sums are
read; units are brought to ours, increments are added up; attributes and metrics this version does
not know are kept under their own names.

Of a histogram, an exponential histogram or a summary the mean of what was recorded since the
point before is read, which is what `preload_duration_ms` is, with ``.count``, and ``.min`` and
``.max`` where they are those of the same stretch. Buckets and quantiles are not read: they cannot
be put together again with those of other points, as a mean can with its count.
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from vineview.telemetry.checks import format_at
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.metrics import METRICS
from vineview.telemetry.schema import FORMAT, VERSION

__all__ = ["is_otlp", "read"]

_LABELS: Final = {
    "device.id": "device_id",
    "session.id": "session_id",
    "os.type": "platform",
    "os.name": "platform",
    "network.connection.type": "network",
    "network.type": "network",
    "service.version": "app_version",
    "app.version": "app_version",
    "geo.country.iso_code": "country",
    "memory.source": "memory_source",
}
_FACTORS: Final = {
    ("mb", "By"): 2**-20,
    ("mb", "KiBy"): 2**-10,
    ("mb", "kBy"): 1000 / 2**20,
    ("mb", "MBy"): 1e6 / 2**20,
    ("mb", "GBy"): 1e9 / 2**20,
    ("mb", "GiBy"): 2**10,
    **dict.fromkeys([("mb", "B"), ("mb", "bytes")], 2**-20),  # no UCUM, but seen
    **dict.fromkeys([("mb", "MiBy"), ("mb", "MB"), ("ms", "ms"), ("rate", "%")], 1),
    ("ms", "min"): 60_000.0,
    ("ms", "s"): 1000.0,
    ("ms", "us"): 1e-3,
    ("ms", "ns"): 1e-6,
    ("rate", "1"): 100.0,
}
_KINDS: Final = {kind for kind, _ in _FACTORS}
_PREFIXES: Final = ("openvine", "vineview")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DELTA: Final = {1, "AGGREGATION_TEMPORALITY_DELTA"}
_MEANS: Final = {
    "histogram": "buckets",
    "exponentialHistogram": "buckets",
    "summary": "quantiles",
}

Object = dict[str, Any]


def is_otlp(text: str) -> bool:
    """Whether a text is OTLP-JSON metrics, one document or one a line."""
    return text.lstrip().startswith("{") and '"resourceMetrics"' in text[:4096]


def read(text: str, document: Document) -> None:
    """Read every point into the document's samples; what cannot be read is named and counted.

    Args:
        text: One OTLP-JSON document, or one on each line.
        document: Gets the samples, a header and findings.
    """
    points = _Points(document)
    for line, request in _requests(text, document):
        for labels, metric in _metrics(request, document, line):
            points.add(labels, metric, line)
    if not points.samples and not document.skipped:
        document.note("holds no metric points")
    document.header = {"format": FORMAT, "version": VERSION, "source": "OTLP-JSON metrics"}
    for record in sorted(points.samples.values(), key=lambda each: str(each["at"])):
        document.add(record, None)


def _requests(text: str, document: Document) -> Iterator[tuple[int, Any]]:
    """Each document of the text and the line it begins on."""
    decoder, position, line = json.JSONDecoder(parse_constant=document.not_a_number), 0, 1
    while True:
        blank = len(text) - len(text[position:].lstrip())
        line += text.count("\n", position, blank)
        if blank >= len(text):
            return
        try:
            value, end = decoder.raw_decode(text, blank)
        except (ValueError, RecursionError):
            end = text.find("\n", blank)
            if end < 0 or not text[end:].lstrip().startswith('{"resourceMetrics"'):
                at = len(text.encode("utf-8", "surrogateescape"))
                document.lose(f"not a whole OTLP-JSON document; it ends at byte {at}", line)
                return
            document.lose("damaged OTLP-JSON document set aside", line)
        else:
            yield line, value
        line += text.count("\n", blank, end)
        position = end


def _metrics(request: Any, document: Document, line: int) -> Iterator[tuple[Object, Object]]:
    """Each metric with its resource's attributes."""
    for resource in _objects(request, "resourceMetrics"):
        labels = _labels(resource.get("resource") or {})
        for scope in (*_objects(resource, "scopeMetrics"), *_objects(resource, "scope_metrics")):
            for metric in _objects(scope, "metrics"):
                if isinstance(metric.get("name"), str):
                    yield labels, metric
                else:
                    document.lose("a metric without a name is set aside", line)


class _Points:
    """Gathers points into samples: one for each instant and set of attributes."""

    def __init__(self, document: Document) -> None:
        self.samples: dict[Any, Object] = {}
        self._totals: dict[Any, float] = {}
        self._befores: dict[Any, tuple[Any, float, float]] = {}
        self._document = document

    def add(self, labels: Object, metric: Object, line: int) -> None:
        """Read one metric's points."""
        name, factor = self._name(metric, line)
        for kind, rest in _MEANS.items():
            if isinstance(metric.get(kind), dict):
                self._add_means(labels, metric, metric[kind], line, (name, factor))
                what = f"metric {metric['name']!r} is a {kind}: its means are read, not its {rest}"
                self._document.note(what, line)
                return
        data = metric.get("gauge") or metric.get("sum")
        if not isinstance(data, dict):
            kinds = metric.keys() - {"name", "unit", "description", "metadata"}
            kind = ", ".join(sorted(kinds)) or "nothing"
            self._document.lose(f"metric {metric['name']!r} is a {kind}, which is not read", line)
            return
        is_delta = data.get("aggregationTemporality") in _DELTA
        for point in _objects(data, "dataPoints"):
            at, value = _instant(point.get("timeUnixNano")), _value(point)
            if at is None or value is None:
                what = "no instant" if at is None else "no number"
                self._document.lose(f"a point of {metric['name']!r} has {what}", line)
                continue
            who = labels | _labels(point)
            series = json.dumps(who, sort_keys=True)
            value *= factor
            if is_delta:
                value += self._totals.get((series, name), 0)
                self._totals[series, name] = value
            self._sample(series, at, who)[name] = value

    def _sample(self, series: str, at: datetime, who: Object) -> Object:
        return self.samples.setdefault((series, at), {"at": format_at(at), **who})

    def _name(self, metric: Object, line: int) -> tuple[str, float]:
        """The metric's name here, and what brings its unit to ours; 1 for one not known."""
        name, unit = _name(metric["name"]), str(metric.get("unit") or "")
        kind = name.rsplit("_", 1)[-1]
        if name not in METRICS or kind not in _KINDS or not unit.partition("{")[0]:
            return name, 1
        if (kind, unit) not in _FACTORS:
            ours = METRICS[name].unit
            what = f"metric {metric['name']!r} has the unit {unit!r}, not known here"
            self._document.note(f"{what}; its numbers are taken for {ours}", line)
        return name, _FACTORS.get((kind, unit), 1)

    def _add_means(
        self, labels: Object, metric: Object, data: Object, line: int, ours: tuple[str, float]
    ) -> None:
        """Read the means of a metric's points; cumulative ones are told apart by their start."""
        name, factor = ours
        is_delta = data.get("aggregationTemporality") in _DELTA
        for point in _objects(data, "dataPoints"):
            at, count, total = _instant(point.get("timeUnixNano")), *_count_and_sum(point)
            if at is None or count is None or total is None:
                what = "no instant" if at is None else "no count" if count is None else "no sum"
                self._document.lose(f"a point of {metric['name']!r} has {what}", line)
                continue
            who = labels | _labels(point)
            series = json.dumps(who, sort_keys=True)
            before = (0.0, 0.0)
            if not is_delta:
                before = self._before((series, name), point, count, total)
            recorded = count - before[0]
            if recorded <= 0:
                continue
            sample = self._sample(series, at, who)
            sample[name] = (total - before[1]) / recorded * factor
            sample[f"{name}.count"] = recorded
            ends = {} if before[0] else {end: _number(point.get(end)) for end in ("min", "max")}
            sample |= {f"{name}.{end}": v * factor for end, v in ends.items() if v is not None}

    def _before(self, key: Any, point: Object, count: float, total: float) -> tuple[float, float]:
        """Count and sum of the point before; zeros where counting began anew since."""
        start = point.get("startTimeUnixNano")
        last, *before = self._befores.get(key, (start, 0.0, 0.0))
        self._befores[key] = start, count, total
        return (before[0], before[1]) if last == start and before[0] <= count else (0.0, 0.0)


def _name(name: str) -> str:
    """The metric's name here."""
    plain = name.replace(".", "_").replace("-", "_").lower()
    for prefix in _PREFIXES:
        plain = plain.removeprefix(f"{prefix}_")
    for candidate in (plain, f"{plain}_mb", f"{plain}_ms"):
        if candidate in METRICS:
            return candidate
    return name


def _labels(owner: Any) -> Object:
    """Attributes under our names, where there is one; text for what is text here."""
    labels: Object = {}
    for each in _objects(owner, "attributes"):
        key = each.get("key")
        if not isinstance(key, str):
            continue
        value = _any_value(each.get("value"))
        ours = _LABELS.get(key, key)
        if ours in _LABELS.values() or ours == "country":
            value = str(value)
            value = value.lower() if ours == "platform" else value
            value = "cellular" if ours == "network" and value == "cell" else value
            if key == "os.name" and ours in labels:
                continue
        if ours in {"at", "kind"} or ours in METRICS:
            ours = f"attribute.{ours}"
        labels[ours] = value
    return labels


def _any_value(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return value
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        try:
            return int(inner)
        except (TypeError, ValueError):
            return inner
    if kind == "arrayValue":
        values = inner.get("values") if isinstance(inner, dict) else None
        return [_any_value(each) for each in values] if isinstance(values, list) else []
    return inner


def _instant(nanoseconds: Any) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _value(point: Object) -> float | None:
    try:
        if "asDouble" not in point:
            return int(point["asInt"])
    except (KeyError, TypeError, ValueError):
        return None
    return _number(point["asDouble"])


def _count_and_sum(point: Object) -> tuple[float | None, float | None]:
    """How many values a point stands for, and their sum, which may be left out if it is none."""
    count = _number(point.get("count"))
    total = _number(point.get("sum"))
    return count, 0.0 if count == 0 and total is None else total


def _number(value: Any) -> float | None:
    """A number, or a text that is one, as 64-bit integers are written."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _objects(owner: Any, name: str) -> list[Object]:
    """The objects in a list of that name; nothing if there is none."""
    inner = owner.get(name) if isinstance(owner, dict) else None
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
