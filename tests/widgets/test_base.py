from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from traitlets import Int

from vineview.errors import UsageError
from vineview.widgets.base import VineWidget


class Probe(VineWidget):
    _assets = ()
    height = Int(420).tag(sync=True)

    def __init__(self, **options):
        super().__init__(**options)
        self.heard = []
        self.closed_views = []

    def receive(self, message, buffers):
        self.heard.append((message, threading.current_thread()))
        match message["kind"]:
            case "own error":
                raise UsageError("the clip is empty", hint="Pass another clip.")
            case "foreign error":
                raise ZeroDivisionError("division by zero")

    def view_closed(self, view):
        self.closed_views.append(view)

    def static_html(self):
        return "<p>two videos</p>"


class TestAssets:
    def test_source_travels_as_one_text(self):
        """Shared code and the widget's own are joined, because relative imports fail in text."""
        assert "class VineView" in Probe()._esm
        assert ".vv-root" in Probe()._css

    def test_no_import_and_no_network_address_in_the_source(self):
        assert "import " not in Probe()._esm.replace("so there are no imports", "")
        for address in ("http://", "https://"):
            assert address not in Probe()._esm.replace("http://www.w3.org/2000/svg", "")


class TestOptions:
    def test_a_typo_gets_a_suggestion(self):
        with pytest.raises(TypeError, match="no option 'hieght'; did you mean 'height'"):
            Probe(hieght=3)

    def test_a_stranger_gets_the_list(self):
        with pytest.raises(TypeError, match="its options are: height, layout"):
            Probe(zzz=3)

    def test_known_options_are_set(self):
        assert Probe(height=300).height == 300


class TestWithoutLoop:
    def test_widget_can_be_made_and_drawn_in_plain_python(self):
        """Reports draw widgets where no event loop runs."""
        widget = Probe()
        assert "two videos" in widget.to_html()
        assert "<script" not in widget.to_html()

    def test_bundle_carries_view_and_static_picture(self):
        data, _ = Probe()._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data
        assert data["text/html"] == Probe().to_html()
        assert data["text/plain"] == "Probe()"


class TestStill:
    """JupyterLab shows nothing beside a widget whose kernel is gone; an output of its own stays."""

    @pytest.fixture
    def kept(self, monkeypatch):
        kept = []
        monkeypatch.setattr("vineview.widgets.base.is_watched", lambda: True)
        monkeypatch.setattr(
            "vineview.widgets.base.show_still",
            lambda inside, *, name, again=False: kept.append((inside, name, again)),
        )
        return kept

    def test_a_widget_that_is_watched_leaves_one_in_each_output_once_it_is_seen(
        self, kept, browser_of
    ):
        browser = browser_of(Probe())
        for _ in range(2):
            data, _ = browser.widget._repr_mimebundle_()
            assert data["text/html"].startswith("<details>"), "it is there twice, once folded"
        assert kept == []
        for _ in range(2):
            browser.say("hello")
        assert kept == [(browser.widget.to_html(), browser.widget.model_id, False)] * 2

    def test_what_it_left_is_renewed_while_the_page_is_open_more_and_more_rarely(
        self, kept, browser_of, monkeypatch
    ):
        """A notebook is saved later than its stills are left."""
        now = 1000.0
        monkeypatch.setattr("vineview.widgets.base.time.monotonic", lambda: now)
        browser = browser_of(Probe())
        browser.widget._repr_mimebundle_()
        browser.say("hello")
        renewed = []
        for second in range(0, 300, 5):
            now = 1000.0 + second
            browser.widget.static_html = lambda second=second: f"second {second}"
            browser.say("alive")
            if len(kept) > 1 + len(renewed):
                renewed.append(second)
        assert renewed == [15, 45, 105, 225]
        assert "second 225" in kept[-1][0]
        assert kept[-1][1:] == (browser.widget.model_id, True)
        browser.widget.static_html = lambda: "second 225"
        now = 2000.0
        browser.say("alive")
        assert len(kept) == 5, "nothing new"


class TestMessages:
    async def test_error_of_ours_shows_with_its_hint(self, browser_of):
        browser = browser_of(Probe())
        browser.say("hello")
        browser.say("own error")
        assert browser.of("fault")[0]["text"] == "the clip is empty. Pass another clip."

    async def test_foreign_error_shows_without_stack_trace(self, browser_of):
        browser = browser_of(Probe())
        browser.say("hello")
        browser.say("foreign error")
        text = browser.of("fault")[0]["text"]
        assert "ZeroDivisionError: division by zero" in text
        assert "Traceback" not in text

    async def test_fault_is_told_to_views_that_open_later_and_to_reports(self, browser_of):
        browser = browser_of(Probe())
        browser.say("hello")
        browser.say("own error")
        browser.say("hello", view="v2")
        assert browser.of("fault")[-1]["view"] == "v2"
        assert "the clip is empty" in browser.widget.to_html()

    async def test_fault_text_is_escaped_in_html(self):
        widget = Probe()
        widget.report(ValueError("<script>x</script>"), where="reading")
        assert "<script>" not in widget.to_html()

    async def test_alive_is_answered(self, browser_of):
        browser = browser_of(Probe())
        browser.say("hello")
        browser.say("alive")
        assert browser.of("alive") == [{"kind": "alive", "view": "v1"}]

    async def test_unknown_view_is_asked_to_say_hello(self, browser_of):
        """A view that was given up while its tab slept comes back by itself."""
        browser = browser_of(Probe())
        browser.say("alive", view="slept")
        assert browser.of("who") == [{"kind": "who", "view": "slept"}]

    async def test_view_that_goes_is_forgotten(self, browser_of):
        browser = browser_of(Probe())
        browser.say("hello")
        browser.say("hello", view="v2")
        browser.say("bye")
        assert browser.widget.views == ("v2",)
        assert browser.widget.closed_views == ["v1"]

    async def test_message_of_another_thread_is_handled_on_the_loop(self, browser_of, settle):
        """Front ends may deliver messages on a kernel subshell, which is another thread."""
        browser = browser_of(Probe())
        browser.say("hello")
        thread = threading.Thread(target=browser.say, args=("greet",))
        thread.start()
        thread.join()
        await settle()
        assert browser.widget.heard[0][1] is threading.current_thread()


class TestTasks:
    async def test_failure_of_a_task_shows(self, browser_of, settle):
        browser = browser_of(Probe())

        async def fail():
            raise UsageError("no such video")

        browser.widget.spawn(fail(), name="loading")
        await settle()
        assert browser.of("fault")[0]["text"] == "no such video"

    async def test_aclose_ends_every_task(self):
        widget = Probe()
        ended = []

        async def wait():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            ended.append(True)

        widget.spawn(wait(), name="waiting")
        await asyncio.sleep(0)
        await widget.aclose()
        assert ended == [True]

    async def test_close_is_idempotent(self):
        widget = Probe()
        widget.close()
        widget.close()
        await widget.aclose()
