"""``vineview status``, ``health``, ``cleanup``, ``flags`` and ``serve``, as a shell sees them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from vineview.cli import main
from vineview.core import ScriptedLoader, VideoEvent, VideoManager
from vineview.ops import OpsServer
from vineview.ops.routes import Backend
from vineview.telemetry import VideoPerformanceMonitor


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("VINEVIEW_URL", "VINEVIEW_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def live(clock, monkeypatch):
    """A healthy system on loopback, in a thread of its own; its token in the environment."""
    ready, done = threading.Event(), asyncio.Event()
    system = {}

    async def serve():
        system["loop"] = asyncio.get_running_loop()
        async with VideoManager(loader=ScriptedLoader(clock=clock), clock=clock) as manager:
            manager.add_video_events(
                [
                    VideoEvent(id=f"v{n}", created_at=n, video_url=f"https://h.example/{n}.mp4")
                    for n in range(12)
                ]
            )
            manager.preload_around_index(4)
            await clock.advance(1)
            backend = Backend(manager, VideoPerformanceMonitor(manager), token="let-me-in")
            async with OpsServer(backend) as server:
                system.update(manager=manager, backend=backend, url=server.base_url)
                ready.set()
                await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    monkeypatch.setenv("VINEVIEW_TOKEN", "let-me-in")
    yield system
    system["loop"].call_soon_threadsafe(done.set)
    thread.join(10)


class TestLive:
    def test_status_of_a_healthy_system_is_0(self, live, capsys):
        assert main(["status", "--url", live["url"]]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("healthy\n")
        assert "measured memory  100 MB (held_bytes)" in out
        assert err == ""

    def test_health_is_json_on_request(self, live, capsys):
        assert main(["health", "--url", live["url"], "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out) == live["manager"].get_health_status()

    def test_cleanup_is_a_dry_run_unless_told(self, live, capsys):
        """The exact request is shown, with its token masked; nothing is sent."""
        assert main(["cleanup", "--url", live["url"]]) == 0
        out, err = capsys.readouterr()
        assert out == "nothing was sent; add --apply to send it\n"
        assert f"POST {live['url']}/admin/memory-pressure" in err
        assert "let-me-in" not in out + err
        assert live["manager"].metrics.memory_pressure_count == 0

    def test_cleanup_acts_when_told(self, live, capsys):
        assert main(["cleanup", "--url", live["url"], "--apply"]) == 0
        assert capsys.readouterr().out == "memory 100 to 60 MB, controllers 5 to 3\n"

    def test_flags_are_read_shown_and_set(self, live, capsys):
        assert main(["flags", "--url", live["url"]]) == 0
        assert capsys.readouterr().out == "emergency_mode=off, new_video_manager=on\n"
        assert main(["flags", "emergency_mode=on", "--url", live["url"]]) == 0
        assert not live["backend"].flags.is_enabled("emergency_mode")
        assert main(["flags", "emergency_mode=on", "--url", live["url"], "--apply"]) == 0
        assert live["backend"].flags.is_enabled("emergency_mode")
        assert capsys.readouterr().out.endswith("emergency_mode=on, new_video_manager=on\n")

    def test_dry_runs_are_one_json_document_too(self, live, capsys):
        arguments = ["flags", "emergency_mode=on", "--url", live["url"], "--format", "json"]
        assert main(arguments) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["applied"] is False
        assert document["request"].endswith('{"emergency_mode": true}')

    def test_a_wrong_token_is_2(self, live, capsys, monkeypatch):
        monkeypatch.setenv("VINEVIEW_TOKEN", "wrong")
        assert main(["cleanup", "--url", live["url"], "--apply"]) == 2
        assert "VINEVIEW_TOKEN" in capsys.readouterr().err


class TestPractice:
    def test_status_is_1_at_the_alert(self, capsys):
        """Measured memory is above the threshold, and what is looked at is said on stderr."""
        assert main(["status", "--format", "json"]) == 1
        out, err = capsys.readouterr()
        document = json.loads(out)
        assert document["video_memory_mb"] > 500 > document["memory_mb"]
        assert "practice incident" in err

    def test_health_cannot_see_it(self, capsys):
        """The guide's health knows the estimate alone."""
        assert main(["health"]) == 0
        assert "estimated memory" in capsys.readouterr().out

    def test_cleanup_frees(self, capsys):
        assert main(["cleanup", "--apply", "--format", "json"]) == 0
        result = json.loads(capsys.readouterr().out)["result"]
        assert result["memory_mb_after"] < result["memory_mb_before"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["flags", "nope=on", "--apply"], "Known flags: emergency_mode, new_video_manager"),
            (["status", "--url", "http://"], "not the address of an ops API"),
            (["status", "--url", "http://127.0.0.1:1"], "Check the address"),
        ],
    )
    def test_bad_input_is_2(self, capsys, arguments, message):
        """One clear line."""
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err.splitlines()[-1]

    @pytest.mark.parametrize("flag", ["emergency_mode", "emergency_mode=maybe", "=on"])
    def test_what_sets_no_flag_is_2(self, capsys, flag):
        """Before any system is asked."""
        with pytest.raises(SystemExit) as ended:
            main(["flags", flag])
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "NAME=on or NAME=off" in line


class TestServe:
    def test_it_serves_until_interrupted(self, capsys, monkeypatch):
        """It prints its address and token, answers, and ends quietly with 130."""
        server = subprocess.Popen(
            [sys.executable, "-m", "vineview", "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            url = server.stdout.readline().strip()
            token = re.fullmatch(r"token for /admin: (\S+)\n", server.stdout.readline())[1]
            monkeypatch.setenv("VINEVIEW_TOKEN", token)
            assert main(["status", "--url", url]) == 1
            assert main(["cleanup", "--url", url, "--apply"]) == 0
            assert main(["status", "--url", url, "--format", "json"]) in {0, 1}
            out = capsys.readouterr().out
            assert "memory 5" in out
            status = json.loads(out[out.index("{") :])
            sampled_at = datetime.fromisoformat(status["sampled_at"])
            assert abs((datetime.now(UTC) - sampled_at).total_seconds()) < 60
        finally:
            server.send_signal(signal.SIGINT)
            _, err = server.communicate(timeout=30)
        assert server.returncode == 130
        assert err == "Press Ctrl-C to stop.\ninterrupted\n"

    def test_a_port_that_cannot_be_used_is_2(self, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--port", "70000"])
        assert ended.value.code == 2
        assert "--port" in capsys.readouterr().err
