"""Scripted faults on the real manager: what the bundled recordings are made by."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys

import pytest

from vineview import resources, scenarios
from vineview.clock import Clock, ManualClock, SystemClock
from vineview.core.changes import ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.errors import UsageError
from vineview.replay import Replay, crossings
from vineview.scenarios import memory_leak
from vineview.telemetry import Telemetry

HOUR_S = 3600.0
MB = 2**20


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Telemetry:
    [path] = scenarios.make(tmp_path_factory.mktemp("incidents"))
    return Telemetry.open(path)


def held_mb(scenario) -> float:
    return scenario.manager.held_bytes / MB


class TestRecording:
    def test_the_bundled_file_is_what_the_command_writes(self, tmp_path):
        """Byte for byte, in another process."""
        done = subprocess.run(
            [sys.executable, "-m", "vineview.scenarios", str(tmp_path / "new")],
            capture_output=True,
            text=True,
            check=True,
        )
        written = tmp_path / "new" / "memory-leak.ndjson"
        assert done.stdout == f"{written}\n"
        assert written.read_bytes() == resources.data("incidents", written.name).read_bytes()

    def test_it_is_three_hours_and_small(self, recorded):
        assert recorded.duration_s == 3 * HOUR_S
        assert len(recorded.sample_records) == 361
        path = resources.data("incidents", "memory-leak.ndjson")
        assert path.stat().st_size < 300_000

    def test_memory_crosses_both_thresholds(self, recorded):
        memory = recorded.samples["video_memory_mb"]
        assert memory[:60].max() < 500
        assert memory.max() > 800
        assert set(recorded.samples["memory_source"]) == {"held_bytes"}
        severities = [c.severity for c in crossings(recorded) if c.type == "high_memory_usage"]
        assert "warning" in severities
        assert "critical" in severities

    def test_the_estimate_sees_nothing_of_it(self, recorded):
        """15 controllers at 20 MB cannot exceed 300 MB; that is why bytes are counted."""
        assert recorded.samples["estimated_memory_mb"].max() <= 300
        assert recorded.samples["video_controllers"].max() <= 15

    def test_the_verdict_is_leaking(self, recorded):
        assert recorded.analytics().memory_usage.leak.verdict == "leaking"
        assert recorded.analytics("2h").memory_usage.leak.verdict == "leaking"

    def test_things_go_wrong_in_several_ways(self, recorded):
        """Retries, timeouts, a missing file, an outage, and a breaker that opens and closes."""
        events = recorded.events
        errors = set(events["error_class"].dropna())
        assert {"timeout", "network", "not_found", "server_error"} <= errors
        breaker = events[events["kind"] == "breaker"]
        assert list(breaker["to"]) == ["open", "half_open", "closed"]
        assert events["retry_count"].max() >= 2

    def test_the_user_scrolls_on_and_back(self, recorded):
        moves = recorded.events[recorded.events["kind"] == "navigate"]
        step = moves["index"].astype(float) - moves["from_index"].astype(float)
        assert (step > 0).sum() > 50
        assert (step < 0).sum() > 10

    def test_it_has_no_finding(self, recorded):
        assert recorded.findings == ()
        assert Replay(recorded).findings == ()


class TestMemoryLeak:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    async def test_every_seed_leaks(self, clock, seed):
        async with memory_leak(clock, seed=seed) as scenario:
            await scenario.run(3 * HOUR_S)
            usage = scenario.monitor.get_analytics().memory_usage
            assert usage.peak_mb > 800
            assert usage.leak.verdict == "leaking"

    async def test_memory_pressure_frees_what_was_inherited(self, clock):
        """A true drop, and less growth while fewer controllers are loaded."""
        async with memory_leak(clock) as scenario:
            await scenario.run(2.5 * HOUR_S)
            before = held_mb(scenario)
            grown = before / 2.5
            assert await scenario.manager.handle_memory_pressure() >= 4
            relieved = held_mb(scenario)
            assert relieved < 0.5 * before
            emergency = VideoManagerConfig.emergency()
            scenario.manager.apply_config(emergency, reason="emergency mode")
            await clock.advance(2 * HOUR_S)
            memory = [sample.video_memory_mb for sample in scenario.monitor.samples[-20:]]
            slower = (sum(memory) / len(memory) - relieved) / 2
            assert 20 < slower < 0.75 * grown

    async def test_nothing_leaks_while_the_phone_lies_there(self, clock):
        """Growth comes with use: between two sittings memory stands still."""
        async with memory_leak(clock) as scenario:
            await scenario.run(HOUR_S)
            memory = [sample.video_memory_mb for sample in scenario.monitor.samples]
            still = sum(one == other for one, other in itertools.pairwise(memory))
            assert 5 < still < 60

    async def test_the_user_goes_on_as_the_clock_does(self, clock):
        """Whoever advances it: a runbook's watch sees the session continue."""
        async with memory_leak(clock) as scenario:
            moves = []
            scenario.manager.subscribe(
                lambda change: change.kind is ChangeKind.NAVIGATE and moves.append(change)
            )
            await scenario.run(600)
            seen = len(moves)
            await clock.advance(600)
            assert len(moves) > seen > 0

    async def test_running_to_a_time_already_past_does_nothing(self, clock):
        async with memory_leak(clock) as scenario:
            await scenario.run(600)
            await scenario.run(300)
            assert clock.now() == 600

    async def test_the_start_of_the_clock_does_not_matter(self):
        """A scenario begun after an hour is the one begun at once, an hour later."""
        early, late = ManualClock(), ManualClock()
        await late.advance(HOUR_S)
        memory = []
        for clock in (early, late):
            async with memory_leak(clock) as scenario:
                await scenario.run(2 * HOUR_S)
                memory.append([sample.video_memory_mb for sample in scenario.monitor.samples])
        assert memory[0] == memory[1]

    async def test_it_runs_on_any_clock(self):
        """On one that is not manual it waits."""

        class Hasty:
            """A clock whose seconds last no time, but which is not a ManualClock."""

            def __init__(self):
                self.inner = ManualClock()
                self.now, self.utc = self.inner.now, self.inner.utc

            async def sleep(self, seconds):
                await self.inner.sleep(seconds)

        clock = Hasty()
        assert isinstance(clock, Clock)
        async with memory_leak(clock) as scenario:
            running = asyncio.create_task(scenario.run(60))
            await clock.inner.advance(59)
            assert not running.done()
            await clock.inner.advance(1)
            await running
            assert len(scenario.monitor.samples) == 3

    async def test_it_starts_at_once_on_the_machines_clock(self):
        async with memory_leak(SystemClock()) as scenario:
            await scenario.run(0)
            await asyncio.sleep(0)
            assert len(scenario.manager.videos) == 40

    async def test_it_prints_itself(self, clock):
        async with memory_leak(clock) as scenario:
            assert repr(scenario).startswith("ScriptedSession('memory-leak', VideoManager(")

    async def test_a_negative_time_is_refused(self, clock):
        async with memory_leak(clock) as scenario:
            with pytest.raises(UsageError, match="-1"):
                await scenario.run(-1)

    async def test_a_user_that_fails_is_not_hushed_up(self, clock):
        """The session says so when it is next run."""
        scenario = memory_leak(clock)
        scenario.manager.dispose()
        with pytest.raises(RuntimeError, match="dispose"):
            await scenario.run(10)
        await scenario.aclose()

    async def test_closing_leaves_no_task_and_no_controller(self, clock):
        before = asyncio.all_tasks()
        scenario = memory_leak(clock)
        await scenario.run(600)
        await scenario.aclose()
        await scenario.aclose()
        assert asyncio.all_tasks() == before
        assert scenario.manager.held_bytes == 0

    async def test_closing_one_never_run_is_fine(self, clock):
        await memory_leak(clock).aclose()


class TestReplayed:
    """What the manager was at the end is what the replay shows at the end."""

    @pytest.mark.parametrize("until_s", [65.0, 6500.0, 7200.0])
    async def test_the_replay_ends_as_the_manager_did(self, clock, until_s):
        async with memory_leak(clock) as scenario:
            await scenario.run(until_s - 30)
            await scenario.manager.handle_memory_pressure()
            scenario.manager.apply_config(VideoManagerConfig.emergency(), reason="test")
            await clock.advance(30)
            scenario.monitor.take_sample()
            manager, replay = scenario.manager, Replay(scenario.monitor.export())
            replay.seek(replay.duration_s)
            assert [event.id for event in replay.videos] == [event.id for event in manager.videos]
            assert [replay.get_video_state(event.id).loading_state for event in replay.videos] == [
                manager.get_video_state(event.id).loading_state for event in manager.videos
            ]
            assert replay.config == manager.config
            assert replay.current_video_id == manager.current_video_id
            assert {v.id for v in replay.ready_videos} == {v.id for v in manager.ready_videos}
            assert replay.get_debug_info() == manager.get_debug_info()
            assert replay.get_health_status() == manager.get_health_status()
            assert replay.held_bytes == pytest.approx(manager.held_bytes, abs=MB / 1000)
            assert replay.metrics == manager.metrics
            assert replay.crossings == scenario.monitor.alerts
