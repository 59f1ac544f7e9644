"""The ops API over loopback HTTP."""

from __future__ import annotations

import socket

import httpx
import pytest

from vineview.errors import UsageError
from vineview.ops import OpsServer
from vineview.ops.routes import Backend


@pytest.fixture
async def server(backend):
    """The backend, served."""
    async with OpsServer(backend) as server:
        yield server


@pytest.fixture
async def http(server):
    """A plain HTTP client aimed at the server."""
    async with httpx.AsyncClient(base_url=server.base_url) as client:
        yield client


class TestOpsServer:
    async def test_it_answers_like_the_route_table(self, http, manager):
        answer = await http.get("/health/video-system")
        assert answer.status_code == 200
        assert answer.json() == manager.get_health_status()
        assert answer.headers["content-type"] == "application/json"

    async def test_a_body_is_json_whatever_its_type(self, http, token):
        """The documented calls send no content type."""
        answer = await http.post(
            "/admin/feature-flags",
            content=b'{"emergency_mode": true}',
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        assert answer.json()["emergency_mode"] is True

    async def test_admin_needs_the_token(self, http, manager):
        answer = await http.post("/admin/memory-pressure")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert manager.metrics.memory_pressure_count == 0

    async def test_a_range_reaches_the_route(self, http):
        assert (await http.get("/metrics/memory?range=5m")).status_code == 200
        assert (await http.get("/metrics/memory?range=5x")).status_code == 400

    async def test_a_parameter_given_twice_is_refused(self, http):
        answer = await http.get("/metrics/memory?range=5m&range=1h")
        assert (answer.status_code, answer.json()["error"]) == (400, "a parameter is given twice")

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
    async def test_other_methods_are_refused_in_json(self, http, method):
        answer = await http.request(method, "/health/video-system")
        assert answer.status_code == 405
        assert answer.json()["hint"]

    async def test_an_unknown_path_is_json_too(self, http):
        answer = await http.get("/%00%ff/../x")
        assert (answer.status_code, "/metrics" in answer.json()["hint"]) == (404, True)

    async def test_head_has_no_body(self, http):
        answer = await http.head("/health/video-system")
        assert (answer.status_code, answer.content) == (200, b"")

    async def test_another_name_for_this_machine_is_refused(self, http):
        """A web page that points its own name at 127.0.0.1 learns nothing."""
        answer = await http.get("/health/video-system", headers={"Host": "evil.example"})
        assert answer.status_code == 403

    async def test_a_huge_body_is_refused(self, http, token, manager):
        headers = {"Authorization": f"Bearer {token}"}
        with pytest.raises(httpx.NetworkError):
            await http.post("/admin/feature-flags", content=b" " * 40_000_000, headers=headers)
        assert (await http.get("/health/video-system")).status_code == 200

    async def test_it_listens_on_loopback_only(self, server):
        assert server.base_url.startswith("http://127.0.0.1:")

    async def test_a_token_is_made_when_there_is_none(self, manager, monitor):
        async with (
            OpsServer(Backend(manager, monitor)) as one,
            OpsServer(Backend(manager, monitor)) as two,
        ):
            assert len(one.token) >= 32
            assert one.token != two.token

    async def test_a_taken_port_is_refused(self, backend):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(UsageError, match="--port"):
                OpsServer(backend, port=taken.getsockname()[1]).open()

    @pytest.mark.parametrize("port", [-1, 70_000])
    async def test_a_port_that_makes_no_sense_is_refused(self, backend, port):
        with pytest.raises(UsageError, match="--port"):
            OpsServer(backend, port=port).open()

    async def test_closing_twice_is_safe(self, backend):
        server = OpsServer(backend)
        server.open()
        await server.aclose()
        await server.aclose()
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient() as client:
                await client.get(server.base_url)
