"""The steps of the memory runbook, in practice, on a recording and on a live system."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from vineview.clock import ManualClock
from vineview.core import VideoManagerConfig
from vineview.errors import ApprovalRequired, OpsError, TelemetryError, UsageError
from vineview.ops import OpsServer
from vineview.ops.embedded import PracticeIncident
from vineview.runbooks import Runbook, Verdict
from vineview.scenarios import memory_leak
from vineview.telemetry import Telemetry


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    """Whoever runs the tests may have a system of their own in the environment."""
    for name in ("VINEVIEW_URL", "VINEVIEW_TELEMETRY", "VINEVIEW_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    """A memory leak's first two hours, recorded."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def record():
        async with memory_leak(ManualClock()) as scenario:
            await scenario.run(2 * 3600)
            return scenario.monitor.export()

    path = tmp_path_factory.mktemp("recording") / "leak.ndjson"
    with ThreadPoolExecutor() as pool:
        return pool.submit(lambda: asyncio.run(record())).result().write(path)


@pytest.fixture
async def book():
    """A run on the practice incident."""
    book = await Runbook.open()
    yield book
    await book.aclose()


class IncidentTime:
    """A live run's clock that lets the incident behind the server go on while it waits."""

    def __init__(self, incident):
        self._incident = incident

    def now(self):
        return self._incident.clock.now()

    def utc(self):
        return self._incident.clock.utc()

    async def sleep(self, seconds):
        await self._incident.advance(seconds)


@pytest.fixture
async def incident():
    """A practice incident for a server to stand before."""
    incident = await PracticeIncident.open()
    yield incident
    await incident.aclose()


@pytest.fixture
async def server(incident, monkeypatch):
    """A live system at its alert, its token in the environment."""
    async with OpsServer(incident.backend) as server:
        monkeypatch.setenv("VINEVIEW_TOKEN", server.token)
        yield server


@pytest.fixture
def open_live(incident, server, tmp_path):
    """Open a run on the live system, in the incident's time."""
    books = []

    async def open_live(**options):
        options = {"journal": str(tmp_path / "j.jsonl"), **options}
        book = await Runbook.open(url=server.base_url, clock=IncidentTime(incident), **options)
        books.append(book)
        return book

    return open_live


class TestPractice:
    async def test_it_begins_at_the_alert(self, book):
        """Measured memory is above the threshold; the estimate cannot see it, and both show."""
        finding = await book.status()
        assert finding.verdict is Verdict.FAIL
        values = {label: value for label, value, _ in finding.rows}
        assert int(values["Video memory"].split()[0]) > 500
        assert int(values["App's estimate"].split()[0]) <= 300

    async def test_freeing_memory_shows_a_true_before_and_after(self, book):
        """The numbers are the manager's own."""
        before = await book.ops.status()
        finding = await book.relieve_memory()
        after = await book.ops.status()
        assert finding.verdict is Verdict.PASS
        row = next(value for label, value, _ in finding.rows if label == "Video memory")
        assert row == f"{before['video_memory_mb']:.0f} → {after['video_memory_mb']:.0f} MB"
        assert after["controllers"] < before["controllers"]
        assert (await book.ops.debug_info())["metrics"]["memoryPressureCount"] == 2

    async def test_emergency_mode_brings_its_profile_and_off_wifis(self, book):
        on = await book.emergency_mode(on=True)
        assert on.verdict is Verdict.PASS
        status = await book.ops.status()
        assert status["config"] == VideoManagerConfig.emergency().to_dict()
        off = await book.emergency_mode(on=False)
        assert off.verdict is Verdict.PASS
        status = await book.ops.status()
        assert status["config"] == VideoManagerConfig.wifi().to_dict()

    async def test_a_watch_takes_its_time(self, book):
        """Ten simulated minutes pass, with a reading every half minute."""
        await book.relieve_memory()
        start = book.setting.utc()
        finding = await book.watch(10)
        assert (book.setting.utc() - start).total_seconds() == 600
        assert {row[0]: row[1] for row in finding.rows}["Readings"] == "21"
        assert finding.verdict is Verdict.PASS

    @pytest.mark.parametrize("minutes", [-5.0, float("inf"), float("nan")])
    async def test_time_that_cannot_pass_is_refused(self, book, minutes):
        """A watch of less than nothing would pass without a look."""
        for step in (book.watch, book.wait):
            with pytest.raises(UsageError, match="cannot be waited"):
                await step(minutes)

    async def test_a_watch_can_fail(self, book):
        """Without mitigation memory stays above the threshold, and the watch says since when."""
        finding = await book.watch(10)
        assert finding.verdict is Verdict.FAIL
        assert "above 500 MB at" in finding.summary
        assert finding.next

    async def test_the_leak_is_found(self, book):
        """The hours before memory was freed are judged, though it is low now."""
        await book.relieve_memory()
        await book.watch(10)
        finding = await book.leak_check()
        assert finding.verdict is Verdict.FAIL
        assert "leaking" in finding.summary

    async def test_the_whole_procedure_ends_in_an_honest_answer(self, book):
        """Mitigation helps, recovery does not hold, emergency mode ends up on again."""
        await book.status()
        await book.relieve_memory()
        await book.emergency_mode(on=True)
        await book.watch(10)
        await book.leak_check()
        await book.wait(5)
        await book.emergency_mode(on=False)
        recovery = await book.watch(120)
        await book.growth()
        back = await book.fall_back()
        answer = book.conclude()
        assert recovery.verdict is Verdict.FAIL
        assert back.verdict in {Verdict.PASS, Verdict.FAIL}
        assert answer.verdict is Verdict.FAIL
        assert "The leak is still there" in answer.summary
        assert "Emergency mode is on" in answer.summary
        assert "video-team@openvine.co" in answer.next
        assert (await book.ops.status())["flags"]["emergency_mode"] is True
        assert [f.step for f in book.findings].count("Fall back") == 1
        assert book.findings[-1].is_conclusion

    async def test_a_recovery_that_holds_needs_no_way_back(self, book):
        """With nothing found, the answer is good and emergency mode stays off."""
        await book.status()
        await book.relieve_memory()
        await book.watch(5)
        assert (await book.fall_back()).verdict is Verdict.NOTE
        answer = book.conclude()
        assert answer.verdict is Verdict.PASS
        assert "held below 500 MB" in answer.summary

    async def test_a_conclusion_without_a_reading_says_so(self, book):
        assert book.conclude().verdict is Verdict.NOTE

    async def test_growth_of_too_few_samples_is_not_decided(self, book):
        assert (await book.growth("30s")).verdict is Verdict.NOTE

    async def test_closing_stops_the_incident(self):
        book = await Runbook.open()
        manager = book.setting._incident.backend.manager
        await book.aclose()
        await book.aclose()
        assert manager.is_disposed


class TestRecording:
    async def test_it_is_read_from_its_alert(self, recording):
        book = await Runbook.open(telemetry=str(recording))
        finding = await book.status()
        assert finding.verdict is Verdict.FAIL
        samples = Telemetry.open(recording).samples
        first = samples[samples["video_memory_mb"] > 500].iloc[0]
        assert book.setting.utc() == first["at"]
        assert f"{first['video_memory_mb']:.0f} MB" in finding.summary
        await book.aclose()

    async def test_it_is_never_changed(self, recording):
        """Mitigations say what would be sent; the answer says that nothing was."""
        before = recording.read_bytes()
        book = await Runbook.open(telemetry=str(recording), dry_run=False, approve="Ada")
        await book.status()
        freed = await book.relieve_memory()
        flag = await book.emergency_mode(on=True)
        assert {freed.verdict, flag.verdict} == {Verdict.NOT_SENT}
        assert freed.details == "POST /admin/memory-pressure"
        assert '{"emergency_mode": true}' in flag.details
        assert "recording cannot be changed" in freed.summary
        assert (await book.fall_back()).verdict is Verdict.NOTE
        assert "Nothing was changed" in book.conclude().summary
        assert recording.read_bytes() == before
        await book.aclose()

    async def test_a_watch_reads_on_and_says_where_it_ends(self, recording):
        book = await Runbook.open(telemetry=str(recording))
        ten = await book.watch(10)
        rest = await book.watch(120)
        assert "after 10 min" in ten.summary
        assert "The recording ends there; 2 h were asked for" in rest.summary
        assert (await book.wait(5)).summary.startswith("The recording ended")
        await book.aclose()

    async def test_without_an_alert_its_peak_is_read(self, tmp_path):
        """A calm recording is not above the threshold, and nothing is urgent."""
        samples = [
            {"at": f"2026-01-01T00:{m:02}:00Z", "video_memory_mb": 100 + (m == 7), **COUNTS}
            for m in range(20)
        ]
        header = {"format": "openvine.performance-export", "version": 1}
        path = Telemetry(header, samples, []).write(tmp_path / "calm.json")
        book = await Runbook.open(telemetry=str(path))
        assert (await book.status()).verdict is Verdict.PASS
        assert book.setting.utc() == datetime(2026, 1, 1, 0, 7, tzinfo=UTC)
        assert "No alert; peak at" in book.setting.facts
        await book.aclose()

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "not an export",
            '{"format": "openvine.performance-export", "version": 99, "samples": []}',
            '{"format": "openvine.performance-export", "version": 1, "samples": [], "events": []}',
        ],
    )
    async def test_what_cannot_be_read_is_refused(self, tmp_path, content):
        path = tmp_path / "x.json"
        path.write_text(content)
        with pytest.raises(TelemetryError):
            await Runbook.open(telemetry=str(path))

    async def test_damaged_records_are_counted_and_the_rest_is_used(self, recording, tmp_path):
        path = tmp_path / "damaged.ndjson"
        lines = recording.read_text().splitlines()
        lines[5] = lines[5][:20]
        path.write_text("\n".join(lines))
        book = await Runbook.open(telemetry=str(path))
        assert "1 damaged" in book.setting.facts["Incident"]
        assert (await book.status()).verdict is Verdict.FAIL
        await book.aclose()


COUNTS = {
    "estimated_memory_mb": 100,
    "video_controllers": 5,
    "total_videos": 10,
    "ready_videos": 5,
    "loading_videos": 0,
    "failed_videos": 0,
    "preloading_queue": 0,
}


class TestLive:
    async def test_a_dry_run_sends_no_write(self, open_live, incident, tmp_path):
        """It reads, shows the exact requests, waits for nothing, and changes nothing."""
        manager, before = incident.backend.manager, incident.clock.now()
        book = await open_live()
        assert (await book.status()).verdict is Verdict.FAIL
        freed = await book.relieve_memory()
        assert freed.verdict is Verdict.NOT_SENT
        assert freed.details.startswith("POST http://127.0.0.1:")
        assert "Bearer ****" in freed.details
        for finding in (await book.watch(10), await book.wait(5), await book.watch(120)):
            assert finding.verdict is Verdict.NOTE
        assert "Nothing was changed" in book.conclude().summary
        assert incident.clock.now() == before
        assert manager.metrics.memory_pressure_count == 0
        assert manager.config == VideoManagerConfig.wifi()
        assert not (tmp_path / "j.jsonl").exists()
        await book.aclose()

    @pytest.mark.parametrize("approve", ["", "  "])
    async def test_acting_needs_a_name(self, open_live, incident, approve):
        with pytest.raises(ApprovalRequired, match="--approve NAME"):
            await open_live(dry_run=False, approve=approve)
        assert incident.backend.manager.metrics.memory_pressure_count == 0

    async def test_approved_steps_act_and_are_recorded(self, open_live, incident, tmp_path):
        """The journal says what was sent, when, and who approved it."""
        book = await open_live(dry_run=False, approve="Ada")
        assert (await book.relieve_memory()).verdict is Verdict.PASS
        assert (await book.emergency_mode(on=True)).verdict is Verdict.PASS
        assert incident.backend.flags.is_enabled("emergency_mode")
        entries = [json.loads(line) for line in (tmp_path / "j.jsonl").read_text().splitlines()]
        applied = [entry["key"] for entry in entries if entry["kind"] == "applied"]
        assert applied == ["Free memory, 1 of 2", "Free memory, 2 of 2", "Emergency mode on"]
        assert {entry["by"] for entry in entries} == {"Ada"}
        await book.aclose()

    async def test_a_resumed_run_does_not_repeat_what_was_applied(self, open_live, incident):
        """What the unfinished run sent is not sent again; what it did not, is."""
        first = await open_live(dry_run=False, approve="Ada")
        await first.relieve_memory()
        count = incident.backend.manager.metrics.memory_pressure_count
        second = await open_live(dry_run=False, approve="Ada", resume=True)
        again = await second.relieve_memory()
        assert (again.verdict, "not sent a second time" in again.summary) == (Verdict.NOTE, True)
        assert incident.backend.manager.metrics.memory_pressure_count == count == 2
        assert (await second.emergency_mode(on=True)).verdict is Verdict.PASS
        assert incident.backend.flags.is_enabled("emergency_mode")
        await first.aclose()
        await second.aclose()

    @pytest.mark.parametrize("finish", [True, False])
    async def test_a_new_run_sends_again(self, open_live, incident, finish):
        """Neither a finished run nor one that is not taken up again stands in its way."""
        first = await open_live(dry_run=False, approve="Ada")
        await first.relieve_memory()
        if finish:
            first.conclude()
        second = await open_live(dry_run=False, approve="Ada", resume=finish)
        await second.relieve_memory()
        assert incident.backend.manager.metrics.memory_pressure_count == 4
        await first.aclose()
        await second.aclose()

    async def test_a_watch_stops_when_memory_stays_above(self, open_live, incident):
        """Nobody watches people suffer for two hours."""
        book = await open_live(dry_run=False, approve="Ada")
        before = incident.clock.now()
        finding = await book.watch(120)
        passed = incident.clock.now() - before
        assert 300 <= passed < 7200
        assert "Stopped there" in finding.summary
        await book.aclose()

    async def test_a_reading_missed_now_and_then_does_not_end_a_watch(self, open_live, monkeypatch):
        """One in three is missed: the watch goes on, and says how many."""
        book = await open_live(dry_run=False, approve="Ada")
        await book.relieve_memory()
        status, calls = book.ops.status, iter(range(1000))

        async def sometimes():
            if next(calls) % 3 == 2:
                raise OpsError("no answer")
            return await status()

        monkeypatch.setattr(book.ops, "status", sometimes)
        finding = await book.watch(10)
        assert {row[0]: row[1] for row in finding.rows}["Missed"] == "7"
        await book.aclose()

    async def test_a_system_that_is_gone_ends_a_watch(self, open_live, server):
        book = await open_live(dry_run=False, approve="Ada")
        await book.relieve_memory()
        first = await book.status()
        await server.aclose()
        assert first.verdict is Verdict.PASS
        with pytest.raises(OpsError, match="Check the address"):
            await book.watch(10)
        await book.aclose()

    async def test_a_profile_that_was_not_taken_over_fails(self, open_live, incident, monkeypatch):
        """Setting a flag is not enough: the manager's configuration is what counts."""
        monkeypatch.setattr(
            type(incident.backend.manager), "apply_config", lambda *_args, **_options: None
        )
        book = await open_live(dry_run=False, approve="Ada")
        finding = await book.emergency_mode(on=True)
        assert finding.verdict is Verdict.FAIL
        assert "does not work to the emergency profile" in finding.summary
        await book.aclose()

    async def test_a_status_without_memory_is_an_error(self, open_live, monkeypatch):
        book = await open_live()

        async def poor():
            return {"status": "healthy"}

        monkeypatch.setattr(book.ops, "status", poor)
        with pytest.raises(OpsError, match="not complete"):
            await book.status()
        await book.aclose()


class TestOpening:
    async def test_a_recording_and_a_system_are_one_too_many(self):
        with pytest.raises(UsageError, match="not both"):
            await Runbook.open(telemetry="x.json", url="https://h.example")

    async def test_the_environment_is_asked_when_nothing_is_named(self, monkeypatch, recording):
        monkeypatch.setenv("VINEVIEW_TELEMETRY", str(recording))
        book = await Runbook.open()
        assert book.setting.facts["Mode"].startswith("Recording")
        await book.aclose()

    async def test_it_says_where_it_runs(self, book):
        bundle = book._repr_mimebundle_()
        assert "Practice" in bundle["text/plain"]
        assert "Practice" in bundle["text/html"]
