"""Everything bundled can be made again by one command, and is what that command makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vineview import make_data, resources

REAL = {Path("feed/clips/bigbuckbunny.mp4"), Path("feed/ATTRIBUTION.md")}
TEXT = {".json", ".ndjson"}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_data.make(folder)
    return folder


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_it_makes_all_but_the_real_clip(made):
    """Nothing in ``data/`` is typed in by hand."""
    assert files(resources.data()) - REAL == files(made)


def test_text_is_the_same_byte_for_byte(made):
    """Feeds and incidents are deterministic."""
    texts = [path for path in files(made) if path.suffix in TEXT]
    assert texts
    for path in texts:
        assert (made / path).read_bytes() == resources.data(*path.parts).read_bytes(), path


def test_files_are_small():
    """Bundled files stay under 300 kB, the real clip under 1.1 MB."""
    for path in files(resources.data()):
        limit = 1_100_000 if path in REAL else 300_000
        assert resources.data(*path.parts).stat().st_size <= limit, path
