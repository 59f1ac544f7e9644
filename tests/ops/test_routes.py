"""Every endpoint of the ops API, through the one door."""

from __future__ import annotations

import json

import pytest

from vineview.core import VideoManagerConfig
from vineview.ops.messages import Request
from vineview.ops.routes import ROUTES, Backend, dispatch
from vineview.replay import Replay
from vineview.telemetry.formats.reading import read


@pytest.fixture
def call(backend, token):
    """Dispatch one call; returns status and the JSON document."""

    async def call(method, path, query=None, body=b"", authorization=f"Bearer {token}"):
        answer = await dispatch(backend, Request(method, path, query or {}, body, authorization))
        return answer.status, json.loads(answer.body)

    return call


class TestReads:
    async def test_health_is_the_guides(self, call):
        """Exactly the fields the guide defines; memory is the estimate."""
        status, document = await call("GET", "/health/video-system")
        assert status == 200
        assert set(document) == {"status", "memory_mb", "controllers", "ready_videos", "timestamp"}
        assert (document["status"], document["controllers"]) == ("healthy", 5)
        assert document["memory_mb"] == 100

    async def test_status_is_a_superset_of_health(self, call):
        """It adds what was measured, the alerts, flags and configuration."""
        _, health = await call("GET", "/health/video-system")
        _, status = await call("GET", "/debug/video-system-status")
        assert set(health) < set(status)
        assert status["video_memory_mb"] == 100
        assert status["memory_source"] == "held_bytes"
        assert status["flags"] == {"emergency_mode": False, "new_video_manager": True}
        assert status["config"]["max_videos"] == 100
        assert status["active_alerts"] == []
        assert status["possible_leak"] is False

    async def test_status_follows_the_worst_alert(self, call, manager, monitor):
        """Measured memory above the threshold shows, though the estimate cannot see it."""
        manager.get_controller("v4").held_bytes = 900 * 2**20
        monitor.take_sample()
        _, status = await call("GET", "/debug/video-system-status")
        assert status["status"] == "critical"
        assert [a["type"] for a in status["active_alerts"]] == ["high_memory_usage"]
        _, health = await call("GET", "/health/video-system")
        assert health["status"] == "healthy"

    async def test_status_measures_now_and_records_nothing(self, call, manager, monitor, clock):
        """Between two samples of the monitor, too; its history stays its own."""
        await clock.advance(10)
        manager.get_controller("v4").held_bytes += 50 * 2**20
        before = monitor.samples
        _, status = await call("GET", "/debug/video-system-status")
        assert status["video_memory_mb"] == 150
        assert monitor.samples == before

    async def test_debug_info_is_whole(self, call, manager):
        _, document = await call("GET", "/debug/video-manager")
        assert document == json.loads(json.dumps(manager.get_debug_info()))

    async def test_metrics_are_prometheus_text(self, backend):
        """Every value has its type and help; gauges carry the export's names."""
        answer = await dispatch(backend, Request("GET", "/metrics"))
        lines = answer.body.decode().splitlines()
        assert answer.content_type.startswith("text/plain; version=0.0.4")
        assert "video_memory_mb 100.0" in lines
        assert "# TYPE video_memory_mb gauge" in lines
        assert "# TYPE app_crashes counter" in lines
        values = [line for line in lines if not line.startswith("#")]
        assert len(values) * 3 == len(lines)
        assert not any("None" in line for line in values)

    async def test_memory(self, call):
        _, document = await call("GET", "/metrics/memory", {"range": "10m"})
        assert document["peak_memory_mb"] == 100
        assert document["average_memory_mb"] == 100
        assert document["trend"]["direction"] == "stable"
        assert document["leak"]["verdict"] in {"not_leaking", "inconclusive"}
        assert document["coverage"]

    async def test_errors(self, call):
        _, document = await call("GET", "/metrics/errors")
        assert (document["error_rate"], document["total_errors"]) == (None, 0)
        assert document["top_errors"] == []

    async def test_performance(self, call, manager, clock):
        manager.preload_around_index(6)
        await clock.advance(1)
        _, document = await call("GET", "/metrics/performance", {"range": "1h"})
        assert document["avg_preload_time_ms"] == pytest.approx(100)
        assert document["success_rate"] == 1

    async def test_export_is_a_performance_export(self, backend):
        """What it sends reads back without a finding."""
        answer = await dispatch(backend, Request("GET", "/metrics/export", {"range": "5m"}))
        document = read(answer.body, "export")
        assert not document.findings
        assert 5 <= len(document.samples) <= 6

    @pytest.mark.parametrize(
        ("path", "asked"),
        [("/metrics/memory", "1 d asked"), ("/metrics/errors", "1 d asked")],
    )
    async def test_the_documented_default_range(self, call, path, asked):
        _, document = await call("GET", path)
        assert asked in document["coverage"]


class TestRefusals:
    @pytest.mark.parametrize("value", ["", "0h", "-1h", "1.5h", "h", "24", "1w", "1h; x", "9" * 40])
    async def test_a_malformed_range(self, call, value):
        """It is refused with the form to use, never replaced by a default."""
        status, document = await call("GET", "/metrics/memory", {"range": value})
        assert status == 400
        assert document["error"]
        assert document["hint"]

    async def test_an_unknown_parameter(self, call):
        status, document = await call("GET", "/metrics/memory", {"rang": "1h"})
        assert (status, "range" in document["hint"]) == (400, True)

    async def test_an_unknown_path(self, call):
        """404, with the paths there are."""
        status, document = await call("GET", "/metrics/ab-tests")
        assert status == 404
        assert "/metrics/memory" in document["hint"]

    async def test_another_method(self, backend):
        answer = await dispatch(backend, Request("DELETE", "/admin/feature-flags"))
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")

    @pytest.mark.parametrize(
        "authorization", ["", "Bearer", "Bearer wrong", "Basic let-me-in", "é"]
    )
    @pytest.mark.parametrize("path", [path for _, path in ROUTES if path.startswith("/admin")])
    async def test_admin_needs_the_token(self, call, manager, path, authorization):
        """Without it nothing happens."""
        body = b'{"emergency_mode": true}'
        status, document = await call("POST", path, body=body, authorization=authorization)
        assert status == 401
        assert "VINEVIEW_TOKEN" in document["hint"]
        assert manager.metrics.memory_pressure_count == 0
        assert manager.config == VideoManagerConfig()

    async def test_without_a_token_admin_is_closed(self, manager, monitor):
        """An empty token opens nothing, not even to an empty bearer."""
        request = Request("POST", "/admin/memory-pressure", authorization="Bearer ")
        assert (await dispatch(Backend(manager, monitor), request)).status == 401

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"emergency_mode=true", 400),
            (b"[" * 100_000, 400),
            (b'"emergency_mode"', 400),
            (b"{}", 400),
            (b'{"emergency_mode": "true"}', 400),
            (b'{"emergency_mode": 1}', 400),
            (b'{"emergency_mod": true}', 404),
            (b'{"emergency_mode": true, "other": true}', 404),
            (b"\xff\xfe", 400),
        ],
    )
    async def test_flags_that_make_no_sense(self, call, backend, manager, body, status):
        """All or nothing: one bad flag changes none."""
        got, document = await call("POST", "/admin/feature-flags", body=body)
        assert got == status
        assert document["hint"]
        assert not backend.flags.is_enabled("emergency_mode")
        assert manager.config == VideoManagerConfig()

    async def test_a_failing_endpoint_is_a_500(self, backend, call, monkeypatch, caplog):
        """What went wrong is said and logged; the next call is answered."""

        def fail():
            raise ZeroDivisionError("boom")

        monkeypatch.setattr(backend.manager, "get_health_status", fail)
        status, document = await call("GET", "/health/video-system")
        assert (status, document["error"]) == (
            500,
            "/health/video-system failed: ZeroDivisionError: boom",
        )
        assert "boom" in caplog.text
        assert (await call("GET", "/debug/video-manager"))[0] == 200


class TestMemoryPressure:
    async def test_it_frees_and_says_so(self, call, manager):
        status, document = await call("POST", "/admin/memory-pressure")
        assert status == 200
        assert (document["controllers_before"], document["controllers_after"]) == (5, 3)
        assert (document["memory_mb_before"], document["memory_mb_after"]) == (100, 60)
        assert manager.metrics.memory_pressure_count == 1

    async def test_twice_is_safe(self, call):
        await call("POST", "/admin/memory-pressure")
        _, document = await call("POST", "/admin/memory-pressure")
        assert (document["controllers_before"], document["controllers_after"]) == (3, 3)

    async def test_it_takes_no_body(self, call, manager):
        status, _ = await call("POST", "/admin/memory-pressure", body=b'{"keep": 0}')
        assert (status, manager.metrics.memory_pressure_count) == (400, 0)

    async def test_it_is_recorded(self, call, monitor):
        """The export shows what a person did, and when."""
        await call("POST", "/admin/memory-pressure")
        actions = [c.data["action"] for c in monitor.changes if c.kind == "action"]
        assert actions == ["memory-pressure"]


class TestFeatureFlags:
    async def test_emergency_mode_brings_its_profile(self, call, manager):
        """On: the emergency profile; off: wifi's. The answer is every flag."""
        body = b'{"emergency_mode": true}'
        status, flags = await call("POST", "/admin/feature-flags", body=body)
        assert (status, flags) == (200, {"emergency_mode": True, "new_video_manager": True})
        assert manager.config == VideoManagerConfig.emergency()
        await call("POST", "/admin/feature-flags", body=b'{"emergency_mode": false}')
        assert manager.config == VideoManagerConfig.wifi()

    async def test_another_flag_leaves_the_profile_alone(self, call, manager):
        body = b'{"new_video_manager": false}'
        _, flags = await call("POST", "/admin/feature-flags", body=body)
        assert flags["new_video_manager"] is False
        assert manager.config == VideoManagerConfig()


class TestRecordings:
    @pytest.fixture
    async def recorded(self, monitor, token):
        """The same backend, replayed from its export."""
        async with Replay(monitor.export()) as replay:
            replay.seek(replay.duration_s)
            yield Backend(replay, replay.monitor, token=token)

    @pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "GET"])
    async def test_every_read_answers(self, recorded, path):
        """A recording is read like a manager."""
        assert (await dispatch(recorded, Request("GET", path))).status == 200

    async def test_reading_records_nothing(self, recorded):
        """What the recording measured is what is shown."""
        before = recorded.monitor.samples
        await dispatch(recorded, Request("GET", "/debug/video-system-status"))
        await dispatch(recorded, Request("GET", "/metrics"))
        assert recorded.monitor.samples == before

    @pytest.mark.parametrize(
        ("path", "body"),
        [("/admin/memory-pressure", b""), ("/admin/feature-flags", b'{"emergency_mode": true}')],
    )
    async def test_it_cannot_be_changed(self, recorded, token, path, body):
        request = Request("POST", path, body=body, authorization=f"Bearer {token}")
        answer = await dispatch(recorded, request)
        assert (answer.status, json.loads(answer.body)["error"]) == (
            409,
            "a recording cannot be changed",
        )
        assert not recorded.flags.is_enabled("emergency_mode")
