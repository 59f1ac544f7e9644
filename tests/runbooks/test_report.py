"""The page a run leaves: complete, offline, honest, and safe to open."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import plotly.graph_objects as go
import pytest
from nbformat import v4

from vineview.runbooks import report
from vineview.runbooks.findings import Finding, Verdict
from vineview.runbooks.runner import Failure, Run

HOSTILE = '</script><img src="https://evil.example/x.png" onerror="window.hacked = 1">'


@pytest.fixture
def make(tmp_path):
    """Render a page from outputs, and write it."""

    def make(*outputs, sources=("1",), markdown="# T\n\n## Part", **facts):
        code = [v4.new_code_cell(source) for source in sources]
        code[-1].outputs = list(outputs)
        notebook = v4.new_notebook(cells=[v4.new_markdown_cell(markdown), *code])
        findings = tuple(
            Finding.from_record(o["data"][report.FINDING])
            for o in outputs
            if report.FINDING in o.get("data", {})
        )
        options = {
            "slug": "t",
            "title": "T",
            "notebook": Path("t.ipynb"),
            "page": Path("t.html"),
            "parameters": {},
            "started_at": datetime(2026, 1, 1, tzinfo=UTC),
            "duration_s": 1.0,
            "findings": findings,
        }
        path = tmp_path / "t.html"
        path.write_text(report.render(notebook, Run(**{**options, **facts})), "utf-8")
        return path

    return make


def shown(**data):
    return v4.new_output("display_data", data={k.replace("__", "/"): v for k, v in data.items()})


def finding(*args, **options):
    return v4.new_output("display_data", data=Finding(*args, **options)._repr_mimebundle_())


def figure(**layout):
    spec = go.Figure(go.Scatter(y=[1, 3, 2], name=HOSTILE), layout=layout).to_plotly_json()
    data = {report.PLOTLY: spec, "text/html": "<p>peak 3</p>", "text/plain": "chart"}
    return v4.new_output("display_data", data=data)


class TestMarkup:
    def test_a_finding_leads_and_links(self, make):
        """The summary table links to the card; both say the same."""
        html = make(finding("Status", Verdict.FAIL, "Memory is 512 MB.", next="Act.")).read_text()
        assert '<a href="#output-1">Status</a>' in html
        assert 'id="output-1"' in html
        assert html.count("Memory is 512 MB.") == 2
        assert "✗ fail" in html

    def test_the_conclusion_is_the_headline(self, make):
        output = finding("End", Verdict.FAIL, "It leaks.", next="Call Ada.", is_conclusion=True)
        html = make(output).read_text()
        assert "Needs action" in html
        assert html.index("It leaks.") < html.index("At a glance")
        assert html.index("Call Ada.") < html.index("At a glance")

    def test_a_good_ending_says_so(self, make):
        html = make(finding("End", Verdict.PASS, "It held.", is_conclusion=True)).read_text()
        assert "Healthy" in html

    def test_a_stopped_run_says_so_on_top(self, make):
        """Good findings before the failure do not make it look good."""
        html = make(
            finding("Status", Verdict.PASS, "Fine."),
            failure=Failure(3, "Look", "OpsError", "no answer"),
        ).read_text()
        assert "Stopped in &#39;Look&#39;: no answer" in html
        assert "Healthy" not in html

    def test_code_is_folded_and_escaped(self, make):
        html = make(sources=("x = '<b>'",)).read_text()
        assert "<summary>Code</summary><pre><code>x = &#x27;&lt;b&gt;&#x27;</code></pre>" in html

    def test_headings_make_the_contents(self, make):
        html = make(markdown="# T\n\n## First part\n\nx\n\n## Second").read_text()
        assert '<a href="#First-part">First part</a>' in html
        assert '<a href="#Second">Second</a>' in html

    def test_the_richest_form_wins(self, make):
        """A widget view falls back to its HTML, text to text; a stream is shown as it is."""
        html = make(
            shown(
                **{"application__vnd.jupyter.widget-view+json": {}},
                text__html="<b>table</b>",
                text__plain="plain",
            ),
            shown(text__plain="only <text>"),
            v4.new_output("stream", text="\x1b[31mred\x1b[0m <s>\n"),
            shown(image__png="iVBORw0KGgo=\n"),
            shown(**{"image__svg+xml": "<svg onload='x()'/>"}),
            shown(text__markdown="**bold**"),
        ).read_text()
        assert "<b>table</b>" in html
        assert "plain</pre>" not in html
        assert "<pre>only &lt;text&gt;</pre>" in html
        assert "<pre>red &lt;s&gt;</pre>" in html
        assert 'src="data:image/png;base64,iVBORw0KGgo="' in html
        assert "<svg onload" not in html
        assert "<strong>bold</strong>" in html

    def test_an_error_shows_its_text_and_folds_its_traceback(self, make):
        error = v4.new_output(
            "error", ename="OpsError", evalue="<no> answer", traceback=["\x1b[1mTraceback", "x"]
        )
        html = make(error).read_text()
        assert "<strong>OpsError</strong>: &lt;no&gt; answer" in html
        assert "<summary>Traceback</summary><pre>Traceback\nx</pre>" in html

    def test_without_charts_there_is_no_script(self, make):
        html = make(shown(text__html="<b>x</b>")).read_text()
        assert "<script" not in html
        assert "script-src 'none'" in html
        assert len(html) < 30_000

    def test_plotly_is_there_once(self, make):
        html = make(figure(), figure()).read_text()
        assert html.count("plotly.js v") == 1
        assert html.count('<script type="application/json">') == 2

    def test_parameters_are_shown(self, make):
        html = make(parameters={"url": "https://h/?<a>", "approve": ""}).read_text()
        assert "<code>url=https://h/?&lt;a&gt;</code>" in html
        assert "approve" not in html


@pytest.mark.browser
class TestInBrowser:
    async def test_the_runbooks_page_is_complete(self, practice, open_page):
        """It opens without a network and asks for nothing but itself."""
        tab = await open_page(practice.page)
        assert tab.charts >= 3
        assert {url.split(":")[0] for url in tab.requests} <= {"file", "data"}
        assert tab.problems == []

    async def test_charts_answer_the_mouse(self, practice, open_page):
        """Hovering over the first chart shows its reading."""
        tab = await open_page(practice.page)
        plot = tab.page.locator("figure.chart .plot").first
        await plot.scroll_into_view_if_needed()
        box = await plot.locator(".nsewdrag").first.bounding_box()
        await tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        label = plot.locator(".hoverlayer text").first
        await label.wait_for(timeout=10_000)
        assert await label.text_content()

    async def test_hostile_outputs_do_nothing(self, make, open_page):
        """Scripts, pictures and links from titles and error texts neither run nor fetch."""
        path = make(
            figure(title=HOSTILE, images=[{"source": "https://evil.example/y.png"}]),
            shown(text__html=HOSTILE + f"<p title='{HOSTILE}'>x</p><script>hacked=1</script>"),
            finding("S" + HOSTILE, Verdict.FAIL, HOSTILE, rows=((HOSTILE, HOSTILE, HOSTILE),)),
            v4.new_output("error", ename=HOSTILE, evalue=HOSTILE, traceback=[HOSTILE]),
            v4.new_output("stream", text=HOSTILE),
            sources=(HOSTILE,),
            markdown=f"# {HOSTILE}\n\n## {HOSTILE}\n\n{HOSTILE} <script>hacked=1</script>",
            title=HOSTILE,
            parameters={"approve": HOSTILE},
            failure=Failure(1, HOSTILE, HOSTILE, HOSTILE),
        )
        tab = await open_page(path)
        await tab.page.wait_for_timeout(300)
        assert await tab.page.evaluate("window.hacked") is None
        assert {url.split(":")[0] for url in tab.requests} <= {"file", "data"}
        assert await tab.page.locator("figure.chart").count() == 1

    async def test_without_scripts_the_picture_stays(self, practice, open_page):
        """Where scripts are off, the static picture and numbers are shown instead."""
        tab = await open_page_without_scripts(open_page, practice.page)
        static = tab.page.locator("figure.chart .static").first
        assert await static.is_visible()
        assert "MB" in await static.inner_text()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_text_can_be_read_in_both_themes(self, practice, open_page, scheme):
        """Text and ground differ by a contrast of at least 7 in the body, 4.5 in the verdict."""
        tab = await open_page(practice.page, color_scheme=scheme)
        assert await contrast(tab.page, "main p") >= 7
        assert await contrast(tab.page, ".masthead .badge") >= 4.5

    async def test_a_phone_does_not_scroll_sideways(self, practice, open_page):
        tab = await open_page(practice.page, viewport={"width": 390, "height": 800})
        wide = await tab.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0

    async def test_code_unfolds(self, practice, open_page):
        tab = await open_page(practice.page)
        code = tab.page.locator("details.code").first
        assert not await code.locator("pre").is_visible()
        await code.locator("summary").click()
        assert await code.locator("pre").is_visible()


async def open_page_without_scripts(open_page, path):
    """A tab in which the page's own scripts do not run."""
    empty = path.with_name("empty.html")
    empty.write_text("<title>empty</title>")
    tab = await open_page(empty, java_script_enabled=False)
    await tab.page.goto(path.as_uri())
    return tab


async def contrast(page, selector):
    """The WCAG contrast of an element's text with the ground behind it."""
    return await page.evaluate(
        """(selector) => {
          const channels = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => {
            const [x, y, z] = [r, g, b].map((c) => {
              const v = c / 255;
              return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * x + 0.7152 * y + 0.0722 * z;
          };
          const element = document.querySelector(selector);
          let ground = element;
          const opaque = (e) => {
            const c = channels(getComputedStyle(e).backgroundColor);
            return c.length === 3 || c[3] === 1;
          };
          while (!opaque(ground)) ground = ground.parentElement;
          const [a, b] = [
            light(channels(getComputedStyle(element).color)),
            light(channels(getComputedStyle(ground).backgroundColor)),
          ].sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05);
        }""",
        selector,
    )
