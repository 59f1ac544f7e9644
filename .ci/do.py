"""Sets vineview up in ``.venv`` and runs it: ``python3 .ci/do.py lab`` or ``... test``.

Needs nothing but Python 3.11 or newer, and leaves the system's Python alone. The second run is
quick: packages are installed again only when ``pyproject.toml`` has changed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
USAGE = """usage: python3 .ci/do.py lab [OPTIONS]   opens JupyterLab on the start notebook
       python3 .ci/do.py test [OPTIONS]  format, lint, types, tests, browser, notebooks, wheel

OPTIONS go to `vineview lab` and to pytest: try `lab --help`."""


def main() -> int:
    """Set up and run what was asked for; what follows its name goes to it unread."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what tells the user
        sys.exit(f"vineview needs Python 3.11 or newer; this is {platform.python_version()}.")
    command, options = sys.argv[1:2], sys.argv[2:]
    if command == ["lab"]:
        set_up(extras="")
        leave_ctrl_c_to_the_child()
        return subprocess.call([PYTHON, "-m", "vineview", "lab", *options])
    if command == ["test"]:
        set_up(extras="[test]")
        leave_ctrl_c_to_the_child()
        return run_tests(options)
    print(USAGE)
    return 0 if command in (["-h"], ["--help"]) else 2


def leave_ctrl_c_to_the_child() -> None:
    """Let JupyterLab ask whether to stop, and pytest report, instead of killing them."""
    signal.signal(signal.SIGINT, lambda *_: None)


def set_up(*, extras: str) -> None:
    """Make ``.venv`` and install vineview into it, unless that is done already."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / "vineview-installed"
    done = stamp.read_text().split() if stamp.exists() else []
    if done and done[0] == wanted and extras in {"", *done[1:]}:
        return
    say("setting up .venv (a minute or two, once)")
    if not PYTHON.exists():
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit(
                "This Python cannot make virtual environments. Debian: apt install python3-venv"
            )
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.check_call([*pip, "install", "--upgrade", "pip"])
    subprocess.check_call([*pip, "install", "--editable", f".{extras}"], cwd=ROOT)
    stamp.write_text(f"{wanted} {extras}")


def run_tests(options: list[str]) -> int:
    """Run what CI runs, in the order that fails soonest; stop at the first failure."""
    need_chromium()
    need_java()
    pytest = [PYTHON, "-m", "pytest", "-q", "--durations=10"]
    core = ["tests/core", "--cov=vineview.core", "--cov-fail-under=100", "--cov-report=term"]
    rooms = ["-n", "logical", "--dist=loadfile", "--ignore=tests/core", "--ignore=tests/browser"]
    steps: list[tuple[str, list[str | Path]]] = [
        ("format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
        ("lint", [PYTHON, "-m", "ruff", "check", "."]),
        ("types", [PYTHON, "-m", "mypy"]),
        ("core, every branch", [*pytest, *core]),
        # A file a core at a time; what a file sets up once (a wheel, a Spark) stays set up once.
        ("the other rooms", [*pytest, *rooms]),
        # Alone: the browser's driver keeps a loop running, which asynchronous tests cannot share.
        # Once more where a test fails: on a machine whose cores are shared, anywidget's two seconds
        # for a model to start run out now and then. What fails twice is broken; both are named.
        ("browser", [*pytest, "--reruns=1", "-rR", "tests/browser"]),
    ]
    if options:
        steps = [("chosen tests", [*pytest, *options])]
    began = time.monotonic()
    for name, command in steps:
        say(name)
        code = subprocess.call(command, cwd=ROOT)
        if code:
            say(f"FAILED: {name} (exit code {code})")
            return code
    say(f"passed in {time.monotonic() - began:.0f} s")
    return 0


def need_chromium() -> None:
    """Find a Chromium for the browser tests, or bring one where that is possible."""
    if os.environ.get("VINEVIEW_CHROMIUM") or any(map(shutil.which, CHROMIUMS)):
        return
    if not brought("chromium", "the browser tests"):
        say("no Chromium: install Chromium or Chrome, or set VINEVIEW_CHROMIUM to its path")
        if os.environ.get("CI") == "true":
            sys.exit("With CI=true the browser tests must run.")
        say("going on; the browser tests will fail without it")


def need_java() -> None:
    """Find the Java that Spark runs on, or bring one where that is possible."""
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return
    if not brought("openjdk-17-jre-headless", "the Spark tests"):
        say("no Java: install Java 17; without it the Spark tests fail")


def brought(package: str, purpose: str) -> bool:
    """Install a Debian package, if this is Debian and we may."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    say(f"installing {package} for {purpose}")
    subprocess.check_call([apt, "update", "-qq"])
    subprocess.check_call([apt, "install", "-y", "-qq", package], stdout=subprocess.DEVNULL)
    return True


def say(text: str) -> None:
    """Announce a step."""
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
