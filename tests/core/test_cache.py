"""ByteCache: never above its cap, oldest out, on disk without a way out of its folder."""

from __future__ import annotations

import logging
import os
import threading
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vineview.core.cache import DEFAULT_MAX_BYTES, ByteCache
from vineview.core.shelf import DiskShelf
from vineview.errors import ConfigError

# A busy machine is slow, which is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(params=["memory", "disk"])
def make(request, tmp_path):
    folder = tmp_path / "cache" if request.param == "disk" else None
    return lambda max_bytes=10: ByteCache(max_bytes, folder=folder)


class TestAnyCache:
    def test_gives_back_what_was_put(self, make):
        cache = make()
        assert cache.put("a", b"123")
        assert cache.get("a") == b"123"
        assert cache.get("b") is None
        assert (cache.hits, cache.misses, cache.size_bytes, len(cache)) == (1, 1, 3, 1)
        assert "a" in cache
        assert "b" not in cache
        assert 7 not in cache

    def test_the_oldest_leave_until_the_new_fits(self, make):
        cache = make()
        for key in "abc":
            cache.put(key, b"123")
        cache.get("a")  # age is the time of storing: reading does not make young
        assert cache.put("d", b"12345")
        assert [key for key in "abcd" if key in cache] == ["c", "d"]
        assert cache.size_bytes == 8

    def test_an_oversize_item_is_refused_and_harms_none(self, make):
        cache = make()
        cache.put("a", b"123")
        assert not cache.put("b", b"x" * 11)
        assert cache.get("a") == b"123"
        assert cache.put("c", b"x" * 10)
        assert cache.size_bytes == 10

    def test_replacing_counts_once_and_makes_young(self, make):
        cache = make()
        cache.put("a", b"1")
        cache.put("b", b"2")
        cache.put("a", b"333")
        assert cache.size_bytes == 4
        cache.put("c", b"x" * 7)
        assert [key for key in "abc" if key in cache] == ["a", "c"]

    def test_a_refused_replacement_leaves_nothing_stale(self, make):
        cache = make()
        cache.put("a", b"old")
        assert not cache.put("a", b"x" * 11)
        assert cache.get("a") is None

    def test_forgets(self, make):
        cache = make()
        cache.put("a", b"1")
        cache.put("b", b"2")
        cache.remove("a")
        cache.remove("never there")
        assert (len(cache), cache.size_bytes) == (1, 1)
        cache.clear()
        assert (len(cache), cache.size_bytes) == (0, 0)

    def test_a_cache_of_nothing(self, make):
        cache = make(0)
        assert not cache.put("a", b"1")
        assert cache.put("b", b"")
        assert cache.get("b") == b""

    @settings(PATIENT)
    @given(
        operations=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 14)), max_size=40)
    )
    def test_the_cap_holds_after_every_step(self, operations):
        cache, model = ByteCache(12), {}
        for key, size in operations:
            kept = cache.put(key, bytes(size))
            model.pop(key, None)
            if kept:
                model[key] = size
                while sum(model.values()) > 12:
                    del model[next(iter(model))]
            assert kept is (size <= 12)
            assert cache.size_bytes == sum(model.values()) <= 12
            assert {k for k in "abcdef" if k in cache} == set(model)

    def test_threads_share_it(self, make):
        cache = make(64)

        def work(name):
            for number in range(100):
                cache.put(f"{name}{number % 5}", bytes(8))
                cache.get(f"{name}{(number + 1) % 5}")
                assert cache.size_bytes <= 64

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.hits + cache.misses == 400

    def test_says_what_it_is(self, make):
        assert repr(make(2**20)) == "ByteCache(0.0 of 1.0 MB, 0 hits, 0 misses)"


def test_the_default_cap_is_the_guides():
    assert ByteCache().max_bytes == DEFAULT_MAX_BYTES == 104_857_600


@pytest.mark.parametrize("max_bytes", [-1, 1.5, "1", True, None])
def test_a_nonsensical_cap_is_refused(max_bytes):
    with pytest.raises(ConfigError) as caught:
        ByteCache(max_bytes)
    assert caught.value.field == "max_bytes"


class TestOnDisk:
    def test_survives_the_process(self, tmp_path):
        ByteCache(10, folder=tmp_path).put("a", b"123")
        again = ByteCache(10, folder=tmp_path)
        assert again.size_bytes == 3
        assert again.get("a") == b"123"

    def test_opens_within_a_smaller_cap_oldest_first(self, tmp_path):
        cache = ByteCache(10, folder=tmp_path)
        for age, key in enumerate("abc"):
            cache.put(key, b"123")
            path = tmp_path / DiskShelf(tmp_path).slot(key)
            os.utime(path, ns=(age, age))
        again = ByteCache(4, folder=tmp_path)
        assert (again.get("c"), len(again), len(list(tmp_path.iterdir()))) == (b"123", 1, 1)

    @pytest.mark.parametrize(
        "key", ["../../escape", "/etc/passwd", "a\x00b", "..", "", "x" * 10_000, "\ud800", "日本"]
    )
    def test_defect_16_no_key_escapes_the_folder(self, tmp_path, key):
        folder = tmp_path / "cache"
        cache = ByteCache(10, folder=folder)
        assert cache.put(key, b"1")
        assert cache.get(key) == b"1"
        assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [folder]

    @pytest.mark.parametrize("damage", [b"", b"short", b"x" * 32 + b"123", None])
    def test_a_damaged_file_reads_as_absent(self, tmp_path, damage, caplog):
        cache = ByteCache(100, folder=tmp_path)
        cache.put("a", b"123")
        (path,) = tmp_path.iterdir()
        path.unlink() if damage is None else path.write_bytes(damage)
        with caplog.at_level(logging.WARNING):
            assert cache.get("a") is None
        assert caplog.messages
        assert (cache.size_bytes, cache.misses, list(tmp_path.iterdir())) == (0, 1, [])
        assert cache.put("a", b"new")

    def test_a_file_under_anothers_name_reads_as_absent(self, tmp_path):
        cache = ByteCache(100, folder=tmp_path)
        cache.put("a", b"123")
        cache.put("b", b"456")
        shelf = DiskShelf(tmp_path)
        (tmp_path / shelf.slot("a")).replace(tmp_path / shelf.slot("b"))
        assert cache.get("b") is None

    def test_touches_only_its_own_files(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "folder").mkdir()
        target = tmp_path / "notes.txt"
        (tmp_path / ("0" * 64 + ".bytes")).symlink_to(target)
        (tmp_path / "tmpx.unfinished").write_bytes(b"half")
        cache = ByteCache(0, folder=tmp_path)
        cache.clear()
        assert len(cache) == 0
        assert target.read_text() == "mine"
        assert not (tmp_path / "tmpx.unfinished").exists()
        assert (tmp_path / "folder").is_dir()

    def test_a_disk_that_refuses_costs_the_item_not_the_reader(self, tmp_path, caplog):
        cache = ByteCache(10, folder=tmp_path / "cache")
        cache.put("a", b"1")
        target = tmp_path / "cache" / DiskShelf(tmp_path / "cache").slot("b")
        target.mkdir()
        (target / "full").touch()
        with caplog.at_level(logging.WARNING):
            assert not cache.put("b", b"2")
        assert "could not keep" in caplog.text
        assert cache.size_bytes == 1
        assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".bytes"] * 2

    @pytest.mark.parametrize("is_a_file_now", [False, True])
    def test_a_folder_that_went_away(self, tmp_path, caplog, is_a_file_now):
        folder = tmp_path / "cache"
        cache = ByteCache(10, folder=folder)
        folder.rmdir()
        if is_a_file_now:
            folder.touch()
        with caplog.at_level(logging.WARNING):
            assert not cache.put("b", b"2")

    def test_two_caches_in_one_folder_keep_one_cap(self, tmp_path):
        """Each sees what the other stored before it makes room; neither loses its bookkeeping."""
        first, second = ByteCache(300, folder=tmp_path), ByteCache(300, folder=tmp_path)
        for number in range(9):
            assert first.put(f"a{number}", bytes(100))
            _let_the_folders_clock_tick(tmp_path)
            assert second.put(f"b{number}", bytes(100))
            _let_the_folders_clock_tick(tmp_path)
            on_disk = sum(path.stat().st_size - 32 for path in tmp_path.iterdir())
            assert on_disk == second.size_bytes <= 300
        assert second.get("a8") == bytes(100)

    def test_a_file_that_cannot_be_removed_is_said(self, tmp_path, caplog):
        cache = ByteCache(10, folder=tmp_path)
        cache.put("a", b"1")
        path = Path(tmp_path / DiskShelf(tmp_path).slot("a"))
        path.unlink()
        path.mkdir()
        with caplog.at_level(logging.WARNING):
            cache.remove("a")
        assert "cannot be removed" in caplog.text


def test_a_memoryview_counts_by_its_bytes():
    """The cap holds for views whose items are wider than a byte."""
    cache = ByteCache(max_bytes=10)
    assert not cache.put("wide", memoryview(array("I", [1] * 9)))
    assert cache.size_bytes == 0


@pytest.mark.parametrize("data", [5, "text", None, [1, 2]])
def test_what_is_no_bytes_is_refused(data):
    """A number would else be kept as so many zeros."""
    cache = ByteCache(max_bytes=10)
    with pytest.raises(TypeError, match="bytes-like"):
        cache.put("a", data)
    assert len(cache) == 0


def _let_the_folders_clock_tick(folder):
    """File systems stamp folders a few milliseconds apart; this makes the stamps differ."""
    stamp = folder.stat().st_mtime_ns
    os.utime(folder, ns=(stamp, stamp + 10_000_000))
