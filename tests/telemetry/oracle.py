"""Every analytic by brute force: plain loops over records, sharing no code with the package."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

START = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
COUNTERS = ("app_crashes", "circuit_breaker_trips", "memory_pressure_events", "disposal_errors")


def stamp(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def instant(record) -> float:
    return datetime.fromisoformat(record["at"]).timestamp()


def session(seed: int = 3, *, device: str | None = None, samples: int = 240, growth: float = 0.2):
    """Seeded samples and events of one device: restarts, gaps, missing values, unsorted."""
    rng = random.Random(seed)
    made: list[dict[str, Any]] = []
    labels = {} if device is None else {"device_id": device}
    labels |= {"platform": rng.choice(["ios", "android"]), "app_version": f"1.{seed % 3}"}
    crashes = 0
    for index in range(samples):
        at = 30 * index + (600 if index > samples // 2 else 0)
        if index == samples * 2 // 3:
            crashes = 0
        crashes += rng.random() < 0.02
        record = {
            "at": stamp(at + rng.choice([0, 0, 0.25])),
            **labels,
            "session_id": "s1" if index < samples * 2 // 3 else "s2",
            "network": "wifi" if index < samples // 2 else "cellular",
            "video_memory_mb": round(300 + growth * index + rng.gauss(0, 140), 2),
            "video_controllers": rng.randint(4, 18),
            "ready_videos": rng.randint(3, 9),
            "preloading_queue": rng.randint(0, 3),
            "total_videos": 40,
            "failed_videos": rng.randint(0, 12),
            "preload_success_rate": round(rng.uniform(70, 100), 1),
            "preload_duration_ms": rng.choice([None, round(rng.uniform(200, 900), 1)]),
            "app_crashes": crashes,
            "circuit_breaker_trips": index % 90 // 30,
        }
        if index % 37 == 5:
            del record["video_memory_mb"]
        if index % 23 == 7:
            record["circuit_breaker_trips"] = None
        made.append(record)
    events = happenings(rng, labels, samples)
    rng.shuffle(made)
    rng.shuffle(events)
    return made, events


def happenings(rng, labels, samples):
    """Events of every kind that counts, two for each sample."""
    events: list[dict[str, Any]] = []
    for index in range(samples * 2):
        at = {"at": stamp(15 * index + 0.5), **labels}
        roll = rng.random()
        if roll < 0.5:
            failed = rng.random() < 0.2
            event = {
                **at,
                "kind": "preload",
                "video_id": f"v{index % 30}",
                "success": not failed,
                "duration_ms": round(rng.expovariate(1 / 2500), 1),
                "mime_type": rng.choice(["video/mp4", "video/webm", None]),
                "bytes": rng.randint(10_000, 900_000),
                "network": "wifi" if index < samples else "cellular",
                "country": rng.choice(["NZ", "DE", None]),
            }
            if rng.random() < 0.7:
                event["cache_hit"] = rng.random() < 0.3
            if failed:
                event["error"] = rng.choice(["timed out", "HTTP 404", "", None])
                event["error_class"] = rng.choice(["timeout", "not_found", None])
            events.append(event)
        elif roll < 0.8:
            events += [{**at, "kind": "navigate", "index": i} for i in range(rng.randint(1, 9))]
        elif roll < 0.84:
            events.append({**at, "kind": "memory_pressure", "memory_mb": rng.uniform(300, 900)})
        elif roll < 0.87:
            trip = {"trip": True, "from": "closed", "to": "open", "reason": "5 failures"}
            events.append({**at, "kind": "breaker", "url": f"u{index % 3}", **trip})
        elif roll < 0.89:
            events.append({**at, "kind": "error", "error": "release raised", "where": "release"})
        elif roll < 0.9:
            facts = {"event": "decode_error", "error": "bad clip"}
            events.append({**at, "kind": "playback", **facts})
    return events


def fleet(devices: int = 5):
    """Several seeded devices of different length and growth."""
    samples, events = [], []
    for number in range(devices):
        some, more = session(
            20 + number, device=f"d{number}", samples=30 + 40 * number, growth=0.6 * number
        )
        samples += some
        events += more
    return samples, events


def known(records, name):
    return [r for r in records if r.get(name) is not None]


def median(values):
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2


def quantile(values, share):
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def slope(pairs):
    pairs = list(pairs)
    if len({x for x, _ in pairs}) < 2:
        return None
    x0, y0 = mean(x for x, _ in pairs), mean(y for _, y in pairs)
    return sum((x - x0) * (y - y0) for x, y in pairs) / sum((x - x0) ** 2 for x, _ in pairs)


def surely(pairs):
    """A slope less three of its standard errors."""
    pairs = list(pairs)
    rate, x0, y0 = slope(pairs), mean(x for x, _ in pairs), mean(y for _, y in pairs)
    left = sum((y - y0 - rate * (x - x0)) ** 2 for x, y in pairs)
    return rate - 3 * math.sqrt(left / (len(pairs) - 2) / sum((x - x0) ** 2 for x, _ in pairs))


def measured(samples, name="video_memory_mb"):
    return sorted(known(samples, name), key=instant)


def memory(samples):
    rows = measured(samples)
    values = [r["video_memory_mb"] for r in rows]
    counts: dict[float, int] = {}
    for value in values:
        start = 100.0 * math.floor(value / 100)
        counts[start] = counts.get(start, 0) + 1
    return {
        "peak": max(values, default=0.0),
        "average": mean(values) or 0.0,
        "minimum": min(values, default=0.0),
        "slope": slope((instant(r), r["video_memory_mb"]) for r in rows),
        "distribution": sorted(counts.items()),
    }


def preloads(events, *, slow_ms=5000.0):
    done = [e for e in events if e["kind"] == "preload"]
    times = [e["duration_ms"] for e in done if e["success"] and e["duration_ms"] is not None]
    said = known(done, "cache_hit")
    return {
        "total": len(done),
        "failed": sum(not e["success"] for e in done),
        "average_ms": mean(times),
        "median_ms": median(times),
        "slow": sum(t > slow_ms for t in times),
        "fast": sum(t < 1000 for t in times),
        "timeouts": sum(e.get("error_class") == "timeout" for e in done),
        "cache": mean(e["cache_hit"] for e in said),
    }


def preloads_by(events, name):
    done = [e for e in events if e["kind"] == "preload"]
    values = {e.get(name) for e in done}
    return {
        value or "unknown": preloads([e for e in done if e.get(name) == value]) for value in values
    }


def errors(events):
    found: dict[str, list[float]] = {}
    classes: dict[str, int] = {}
    for e in events:
        failed = e["kind"] == "preload" and not e["success"]
        decode = e["kind"] == "playback" and e.get("event") == "decode_error"
        if failed or decode or e["kind"] == "error":
            text = e.get("error") or e.get("error_class") or "no message given"
            found.setdefault(text, []).append(instant(e))
            name = e.get("error_class") or "unclassified"
            classes[name] = classes.get(name, 0) + 1
    return found, classes


def restarts(samples):
    """Instants at which a session begins that is not the first."""
    rows, edges = measured(samples), set()
    for name in ("session_id", *COUNTERS):
        told = known(rows, name)
        for before, after in pairwise(told):
            is_new = (
                before[name] != after[name]
                if name == "session_id"
                else (after[name] < before[name])
            )
            if is_new:
                edges.add(instant(after))
    return sorted(edges)


def buckets(samples, wanted):
    """Rows of (session, bucket): hours, count, median, low, high of memory, median controllers."""
    rows = measured(samples)
    first, last = instant(rows[0]), instant(rows[-1])
    edges = restarts(samples)
    groups: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for r in rows:
        place = min(math.floor((instant(r) - first) / (last - first) * wanted), wanted - 1)
        begun = sum(edge <= instant(r) for edge in edges)
        groups.setdefault((begun, place), []).append(r)
    made = []
    for (begun, _), group in sorted(groups.items()):
        values = [r["video_memory_mb"] for r in group]
        surplus = [r["video_controllers"] - r["ready_videos"] for r in group]
        made.append(
            {
                "session": begun,
                "hours": mean(instant(r) - first for r in group) / 3600,
                "count": len(group),
                "median": median(values),
                "low": quantile(values, 0.1),
                "high": quantile(values, 0.9),
                "video_controllers": median([r["video_controllers"] for r in group]),
                "ready_videos": median([r["ready_videos"] for r in group]),
                "preloading_queue": median([r["preloading_queue"] for r in group]),
                "queue_low": min(r["preloading_queue"] for r in group),
                "surplus_count": sum(each > 0 for each in surplus),
                "surplus_high": max(surplus),
            }
        )
    return made


def slots(samples, events, width_s, *, within):
    """Mean memory and navigations of each device and slot that has memory."""
    made: dict[tuple[str, int], tuple[list[float], list[int]]] = {}
    for r in [*samples, *(e for e in events if e["kind"] == "navigate")]:
        key = (r.get("device_id") or "" if within else "", math.floor(instant(r) / width_s))
        values, moves = made.setdefault(key, ([], []))
        if "kind" in r:
            moves.append(1)
        elif r.get("video_memory_mb") is not None:
            values.append(r["video_memory_mb"])
    return {key: (mean(values), len(moves)) for key, (values, moves) in made.items() if values}


def bands(samples, events, width_s, *, within):
    """By how quickly the viewer moved on: slots, navigations, mean memory, mean change."""
    cut = slots(samples, events, width_s, within=within)
    found: dict[int, list[tuple[float, int, float | None]]] = {}
    for (device, slot), (value, moves) in cut.items():
        before = cut.get((device, slot - 1))
        change = None if before is None else value - before[0]
        band = 2 if moves * 60 / width_s >= 10 else int(moves > 0)
        found.setdefault(band, []).append((value, moves, change))
    return {
        band: {
            "slots": len(rows),
            "navigations": sum(moves for _, moves, _ in rows),
            "average_mb": mean(value for value, _, _ in rows),
            "change_mb": mean(change for _, _, change in rows if change is not None),
        }
        for band, rows in found.items()
    }


def types(samples, events, width_s, *, within):
    """By content type: preloads, failures, mean bytes, time and memory of their slots."""
    cut = slots(samples, events, width_s, within=within)
    done = [e for e in events if e["kind"] == "preload" and e.get("mime_type")]
    made = {}
    for name in {e["mime_type"] for e in done}:
        mine = [e for e in done if e["mime_type"] == name]
        places = [
            (e.get("device_id") or "" if within else "", math.floor(instant(e) / width_s))
            for e in mine
        ]
        made[name] = {
            "total": len(mine),
            "failed": sum(not e["success"] for e in mine),
            "bytes": mean(e["bytes"] for e in mine),
            "average_ms": mean(e["duration_ms"] for e in mine if e["success"]),
            "average_mb": mean(cut[place][0] for place in places if place in cut),
        }
    return made


def devices(samples):
    """Memory of each device."""
    made = {}
    for name in {r.get("device_id") for r in samples}:
        rows = measured([r for r in samples if r.get("device_id") == name])
        if rows:
            made[name] = {
                "samples": len(rows),
                "hours": (instant(rows[-1]) - instant(rows[0])) / 3600,
                "average": mean(r["video_memory_mb"] for r in rows),
                "peak": max(r["video_memory_mb"] for r in rows),
                "slope": slope((instant(r), r["video_memory_mb"]) for r in rows),
                "surely": surely((instant(r), r["video_memory_mb"]) for r in rows),
                "sessions": len({r["session_id"] for r in rows if r.get("session_id")}),
            }
    return made
