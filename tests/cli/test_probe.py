"""``vineview probe``."""

from __future__ import annotations

import json
import os

import pytest

from vineview import resources
from vineview.cli import main


@pytest.fixture
def clips():
    """The bundled clips."""
    return resources.data("feed", "clips")


class TestProbe:
    def test_a_clip_that_plays(self, clips, capsys):
        """What it is, in one line; exit code 0."""
        assert main(["probe", str(clips / "bigbuckbunny.mp4")]) == 0
        assert "H.264 Main 1280x720, AAC 5.1: plays as is" in capsys.readouterr().out

    def test_one_that_must_be_converted(self, clips, capsys):
        """It plays, and what is done to it is said."""
        assert main(["probe", str(clips / "refused-codec.mp4")]) == 0
        assert "plays, converted: MPEG-4 part 2 to H.264" in capsys.readouterr().out

    def test_one_that_does_not(self, clips, capsys):
        """Exit code 1, why, and what to do."""
        assert main(["probe", str(clips / "not-a-video.mp4")]) == 1
        assert "it is a text file. Check the file name." in capsys.readouterr().out

    def test_a_still(self, tmp_path, capsys):
        """A player shows it, so it is no failure, whatever it is called."""
        (tmp_path / "holiday.mp4").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
        assert main(["probe", str(tmp_path / "holiday.mp4")]) == 0
        assert "PNG image: shown as it is" in capsys.readouterr().out

    def test_a_path_the_system_refuses(self, clips, capsys):
        """The other clips are answered all the same."""
        assert main(["probe", "a" * 300, str(clips / "silent.mp4")]) == 2
        captured = capsys.readouterr()
        assert "aaa: file name too long" in captured.err
        assert "plays as is" in captured.out

    def test_a_missing_path(self, clips, capsys):
        """Exit code 2 and a line on stderr; the others are answered all the same."""
        assert main(["probe", "no-such.mp4", str(clips / "silent.mp4")]) == 2
        captured = capsys.readouterr()
        assert "no-such.mp4: no such file" in captured.err
        assert "plays as is" in captured.out

    def test_a_folder(self, clips, capsys):
        """Each of its files."""
        assert main(["probe", str(clips)]) == 1
        assert "12 of 13 clips play" in capsys.readouterr().out

    @pytest.mark.parametrize("form", ["human", "json"])
    def test_a_name_that_is_no_text(self, tmp_path, capsys, form):
        """A file system takes any bytes, and a terminal may lack the letters: told with escapes."""
        path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
        path.write_text("x")
        assert main(["probe", "--format", form, str(path)]) == 1
        assert r"caf\udce9.mp4" in capsys.readouterr().out

    def test_an_empty_folder(self, tmp_path, capsys):
        """Exit code 2: there was nothing to answer for."""
        assert main(["probe", str(tmp_path)]) == 2
        assert "the folder holds no files" in capsys.readouterr().err

    def test_json(self, clips, capsys):
        """One document, in the names Python uses."""
        assert main(["probe", "--format", "json", str(clips / "rotated.mp4")]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["ok"] is True
        (clip,) = document["clips"]
        assert clip["info"]["video"]["codec_string"] == "avc1.64001e"
        assert clip["info"]["video"]["rotation"] == 90
        assert clip["info"]["verdict"]["how"] == "as is"

    def test_json_of_what_is_no_clip(self, clips, capsys):
        """A reason a program can act on beside the sentence."""
        assert main(["probe", "--format", "json", str(clips / "not-a-video.mp4")]) == 1
        (clip,) = json.loads(capsys.readouterr().out)["clips"]
        assert (clip["ok"], clip["reason"]) == (False, "not-a-video")

    def test_an_address_nobody_answers(self, capsys):
        """A clip on the web that cannot be had cannot play."""
        assert main(["probe", "http://127.0.0.1:9/clip.mp4"]) == 1
        assert "cannot play" in capsys.readouterr().out
