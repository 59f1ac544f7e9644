"""The walls between the rooms hold: who may import whom, and which library lives where."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vineview

PACKAGE = Path(vineview.__file__).parent

# Lowest first. A room may import rooms on lower steps, and itself; not its neighbours.
STEPS = (
    ("errors", "clock"),
    ("resources",),
    ("core",),
    ("media", "telemetry", "rollout"),
    ("scenarios", "replay", "figures"),
    ("ops",),
    ("runbooks",),
    ("widgets",),
    ("workbench",),
    ("bench", "make_data"),
    ("cli",),
)
STEP = {room: step for step, rooms in enumerate(STEPS) for room in rooms}

# Third parties that may be imported only in these rooms.
HOMES = {
    "av": {"media"},
    "anywidget": {"widgets"},
    "ipywidgets": {"widgets"},
    "plotly": {"figures", "widgets", "runbooks"},
    "tornado": {"ops"},
}
STANDARD_ONLY = ("errors", "clock", "resources", "core")
CORE_EXCEPTIONS = {("core.policy", "idna"), ("core.nostr", "coincurve")}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).with_suffix("")
        name = ".".join(part for part in relative.parts if part != "__init__")
        if name not in {"", "__main__"}:
            yield name, ast.parse(path.read_text("utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = dict(modules())


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module):
    """A room imports only rooms below it."""
    room = module.split(".", maxsplit=1)[0]
    for name in imports(MODULES[module]):
        if not name.startswith("vineview."):
            continue
        other = name.split(".")[1]
        if other in STEP and other != room:
            assert STEP[other] < STEP[room], f"{module} imports {name}, which is not below it"


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_in_their_rooms(module):
    """av, plotly, tornado and the widget libraries each have one home; benchmarks name peers."""
    room = module.split(".", maxsplit=1)[0]
    if room == "bench":
        return
    for name in imports(MODULES[module]):
        top = name.split(".", maxsplit=1)[0]
        assert room in HOMES.get(top, {room}), f"{module} imports {top}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.split(".")[0] in STANDARD_ONLY])
def test_the_domain_needs_no_third_party(module):
    """``core`` and what is below it run on a bare Python, but for two named exceptions."""
    for name in imports(MODULES[module]):
        top = name.split(".", maxsplit=1)[0]
        standard = top in sys.stdlib_module_names or top in {"vineview", "__future__"}
        assert standard or (module, top) in CORE_EXCEPTIONS, f"{module} imports {top}"


@pytest.mark.parametrize("module", ["vineview", "vineview.core", "vineview.cli"])
def test_importing_stays_light(module):
    """Nothing heavy is loaded before it is needed."""
    heavy = "{'av', 'pandas', 'numpy', 'plotly', 'IPython', 'scipy', 'tornado', 'httpx'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_is_too_long():
    """A module that outgrows 450 lines holds two ideas."""
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 450
    }
    assert not long
