"""OpsClient on an address, on a manager, on a recording, and dry."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from vineview.core import VideoManagerConfig
from vineview.errors import OpsError, UsageError
from vineview.ops import OpsClient, OpsServer
from vineview.ops.transports import NetworkTransport
from vineview.replay import Replay


@pytest.fixture
async def server(backend):
    """The backend, served."""
    async with OpsServer(backend) as server:
        yield server


@pytest.fixture
async def answering():
    """Start a server that answers every request with given bytes, and note the requests."""
    servers = []
    requests = []

    async def start(answer: bytes | None):
        async def serve(reader, writer):
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}", requests

    yield start
    for server in servers:
        server.close()


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode() + body


class TestNetwork:
    async def test_reads_are_the_servers(self, server, manager):
        async with OpsClient(server.base_url) as ops:
            assert await ops.health() == manager.get_health_status()
            assert await ops.debug_info() == json.loads(json.dumps(manager.get_debug_info()))
            assert (await ops.status())["video_memory_mb"] == 100
            assert "video_memory_mb 100" in await ops.metrics()
            assert (await ops.memory("1h"))["peak_memory_mb"] == 100
            assert (await ops.errors())["total_errors"] == 0
            assert (await ops.performance("10m"))["success_rate"] == 1

    async def test_export_is_opened(self, server):
        """Its source is the address it came from."""
        async with OpsClient(server.base_url) as ops:
            telemetry = await ops.export("5m")
        assert len(telemetry.samples) >= 5
        assert telemetry.source == f"{server.base_url}/metrics/export?range=5m"

    async def test_writes_act_when_told(self, server, manager, token):
        async with OpsClient(server.base_url, token=token, dry_run=False) as ops:
            outcome = await ops.relieve_memory()
            assert outcome.applied
            assert outcome.document["controllers_after"] == 3
            flags = (await ops.set_flags({"emergency_mode": True})).document
        assert flags["emergency_mode"] is True
        assert manager.config == VideoManagerConfig.emergency()

    async def test_a_wrong_token_says_what_to_do(self, server):
        """The server's own message and hint reach the caller."""
        async with OpsClient(server.base_url, token="wrong", dry_run=False) as ops:
            with pytest.raises(OpsError, match="VINEVIEW_TOKEN") as caught:
                await ops.relieve_memory()
        error = caught.value
        assert (error.method, error.status) == ("POST", 401)
        assert error.url == f"{server.base_url}/admin/memory-pressure"
        assert "wrong" not in str(error)

    async def test_an_unknown_flag_says_which_there_are(self, server, token):
        async with OpsClient(server.base_url, token=token, dry_run=False) as ops:
            with pytest.raises(OpsError, match="emergency_mode, new_video_manager"):
                await ops.set_flags({"emergency_mod": True})

    async def test_nobody_listens(self):
        async with OpsClient("http://127.0.0.1:1") as ops:
            with pytest.raises(OpsError, match=r"GET http://127.0.0.1:1/health.*Check the address"):
                await ops.health()

    async def test_no_answer_in_time(self, answering):
        url, _ = await answering(None)
        async with OpsClient(url, timeout_s=0.05) as ops:
            with pytest.raises(OpsError, match=r"did not answer within 0.05 s"):
                await ops.health()

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (
                http(b"<html><title>502\n Bad  Gateway</title></html>", "502 Bad Gateway"),
                r"answered 502 with an HTML page \('502 Bad Gateway'\)",
            ),
            (http(b"<html>Log in</html>"), "answered 200 with an HTML page"),
            (http(b"all good"), "answered 200 with 'all good' instead of JSON"),
            (http(b""), "an empty body"),
            (http(b"[1, 2]"), "a JSON list instead of an object"),
            (http(b'{"error": "nope", "hint": "Try later."}', "503 X"), "503: nope. Try later"),
            (http(b'{"detail": 1}', "500 X"), "answered 500 with"),
            (
                http(b"", "302 Found", "Location: https://e.example/\r\n"),
                "redirects .* to https://e",
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "failed"),
            (b"garbage\r\n\r\n", "failed"),
        ],
    )
    async def test_what_is_not_the_api_is_an_error(self, answering, answer, message):
        """Proxies, log-in pages and half answers are named, with the address."""
        url, _ = await answering(answer)
        async with OpsClient(url) as ops:
            with pytest.raises(OpsError, match=message) as caught:
                await ops.health()
        assert caught.value.url == f"{url}/health/video-system"

    async def test_a_redirect_does_not_carry_the_token_away(self, answering, token):
        elsewhere, requests = await answering(http(b"{}"))
        url, _ = await answering(http(b"", "307 X", f"Location: {elsewhere}/\r\n"))
        async with OpsClient(url, token=token, dry_run=False) as ops:
            with pytest.raises(OpsError, match="redirects"):
                await ops.relieve_memory()
        assert len(requests) == 1

    async def test_an_endless_answer_is_cut(self, answering):
        url, _ = await answering(http(b"x" * 5000))
        ops = OpsClient(url)
        await ops.aclose()
        ops._transport = NetworkTransport(url, max_response_bytes=1000)
        with pytest.raises(OpsError, match="more than 1,000 bytes"):
            await ops.health()
        await ops.aclose()

    async def test_a_damaged_export_is_an_error(self, answering):
        """It names the address it came from."""
        url, _ = await answering(http(b'{"format": "something-else", "samples": []}'))
        async with OpsClient(url) as ops:
            with pytest.raises(ValueError, match="something-else"):
                await ops.export("1h")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "api.openvine.co",
            "ftp://h/",
            "http://",
            "http://h:99999999",
            "http://[::1",
            "http:///x",
        ],
    )
    def test_an_address_that_makes_no_sense_is_refused(self, url):
        with pytest.raises(UsageError):
            OpsClient(url)

    def test_credentials_in_the_address_are_refused_without_repeating_them(self):
        with pytest.raises(UsageError, match="VINEVIEW_TOKEN") as caught:
            OpsClient("https://user:secret@h.example/")
        assert "secret" not in str(caught.value)

    async def test_a_trailing_slash_and_a_prefix_are_fine(self, server):
        async with OpsClient(server.base_url + "/") as ops:
            assert (await ops.health())["status"] == "healthy"
        assert OpsClient("https://h.example/api/").base_url == "https://h.example/api"


class TestDryRun:
    async def test_no_write_is_sent(self, answering):
        """Nothing at all reaches the server; the exact request is shown, its token masked."""
        url, requests = await answering(http(b"{}"))
        shown = []
        async with OpsClient(url, token="secret", show=shown.append) as ops:
            first = await ops.relieve_memory()
            second = await ops.set_flags({"emergency_mode": True})
        assert requests == []
        assert not first.applied
        assert first.document == {}
        assert shown == [
            f"dry run, not sent: POST {url}/admin/memory-pressure\nAuthorization: Bearer ****",
            f"dry run, not sent: {second.request}",
        ]
        assert second.request.splitlines() == [
            f"POST {url}/admin/feature-flags",
            "Authorization: Bearer ****",
            "Content-Type: application/json",
            '{"emergency_mode": true}',
        ]

    async def test_what_is_shown_is_what_is_sent(self, answering):
        """Acting sends the method, path, headers and body that the dry run showed."""
        url, requests = await answering(http(b"{}"))
        async with OpsClient(url, token="secret", dry_run=False) as ops:
            await ops.set_flags({"emergency_mode": True})
        head = requests[0].decode()
        assert head.startswith("POST /admin/feature-flags HTTP/1.1")
        assert "Authorization: Bearer secret" in head.replace("authorization", "Authorization")
        assert "application/json" in head

    async def test_reads_are_sent(self, server):
        async with OpsClient(server.base_url, dry_run=True) as ops:
            assert (await ops.health())["status"] == "healthy"

    async def test_it_is_the_default_and_says_so(self):
        ops = OpsClient("https://h.example")
        assert repr(ops) == "OpsClient(https://h.example, dry run)"
        assert not ops.acts
        await ops.aclose()

    async def test_it_prints_by_default(self, capsys):
        async with OpsClient("https://h.example") as ops:
            await ops.relieve_memory()
        assert "not sent: POST https://h.example/admin/memory-pressure" in capsys.readouterr().out


class TestEmbedded:
    async def test_steps_act_on_the_notebooks_own_manager(self, manager, monitor, backend):
        """Dry run guards remote systems; this manager is the notebook's own."""
        ops = OpsClient(manager, monitor=monitor, flags=backend.flags)
        assert ops.acts
        assert (await ops.relieve_memory()).document["controllers_after"] == 3
        await ops.set_flags({"emergency_mode": True})
        assert manager.config == VideoManagerConfig.emergency()
        assert backend.flags.is_enabled("emergency_mode")

    async def test_a_monitor_is_made_if_there_is_none(self, manager):
        """Each reading is then a fresh measurement."""
        ops = OpsClient(manager)
        assert (await ops.status())["video_memory_mb"] == 100
        manager.get_controller("v4").held_bytes += 2**20
        assert (await ops.status())["video_memory_mb"] == 101

    async def test_errors_are_those_of_the_network(self, manager):
        ops = OpsClient(manager)
        with pytest.raises(OpsError, match="Known flags") as caught:
            await ops.set_flags({"nope": True})
        assert caught.value.url == "embedded:/admin/feature-flags"
        with pytest.raises(OpsError, match="400"):
            await ops.memory("soon")

    async def test_export(self, manager, monitor):
        telemetry = await OpsClient(manager, monitor=monitor).export("1h")
        assert len(telemetry.samples) == len(monitor.samples)


class TestRecording:
    async def test_writes_are_shown_and_change_nothing(self, monitor):
        shown = []
        async with Replay(monitor.export()) as replay:
            ops = OpsClient(replay, monitor=replay.monitor, show=shown.append)
            outcome = await ops.set_flags({"emergency_mode": True})
            status = await ops.status()
        assert not outcome.applied
        assert shown[0].startswith("a recording cannot be changed, not sent: POST embedded:/admin")
        assert status["flags"]["emergency_mode"] is False


async def test_transports_close_their_connections(server):
    """A closed client sends nothing more."""
    ops = OpsClient(server.base_url)
    await ops.health()
    await ops.aclose()
    with pytest.raises((RuntimeError, httpx.HTTPError, OpsError)):
        await ops.health()
