import struct
import sys
from datetime import datetime

import numpy as np
import pytest

from yolo_v4.errors import DataError
from yolo_v4.prediction.video import opened, require_pyav


def read(path, every=1):
    with opened(path) as video:
        return list(video.frames(every))


def test_every_so_many_frames_are_given_with_number_and_time(make_clip, tmp_path):
    found = read(make_clip(tmp_path / "a.mp4", frames=12, per_s=4), every=5)

    assert [(frame.number, frame.seconds) for frame in found] == [(0, 0.0), (5, 1.25), (10, 2.5)]
    shades = [float(np.asarray(frame.picture).mean()) for frame in found]
    assert shades == pytest.approx([0, 50, 100], abs=8)
    assert found[0].picture.size == (128, 96)


# What the box tkhd of a video holds, as 16.16 and 2.30 numbers: a b u, c d v, x y w.
WHOLE, WIDTH, HEIGHT = 1 << 16, 128 << 16, 96 << 16
LIGHT = (40, 90, 140, 190)  # quarters, clockwise from the top left


@pytest.mark.parametrize(
    ("matrix", "quarters", "size"),
    [
        ((WHOLE, 0, 0, 0, WHOLE, 0, 0, 0), (40, 90, 140, 190), (128, 96)),
        # By 90 degrees with the clock: what was at the bottom left comes to the top left.
        ((0, WHOLE, 0, -WHOLE, 0, 0, HEIGHT, 0), (190, 40, 90, 140), (96, 128)),
        ((-WHOLE, 0, 0, 0, -WHOLE, 0, WIDTH, HEIGHT), (140, 190, 40, 90), (128, 96)),
        ((0, -WHOLE, 0, WHOLE, 0, 0, 0, WIDTH), (90, 140, 190, 40), (96, 128)),
        # Left and right changed, top and bottom, x and y, and both of the latter.
        ((-WHOLE, 0, 0, 0, WHOLE, 0, WIDTH, 0), (90, 40, 190, 140), (128, 96)),
        ((WHOLE, 0, 0, 0, -WHOLE, 0, 0, HEIGHT), (190, 140, 90, 40), (128, 96)),
        ((0, WHOLE, 0, WHOLE, 0, 0, 0, 0), (40, 190, 140, 90), (96, 128)),
        ((0, -WHOLE, 0, -WHOLE, 0, 0, HEIGHT, WIDTH), (140, 90, 40, 190), (96, 128)),
        # By 45 degrees, which is shown as it is.
        ((46341, 46341, 0, -46341, 46341, 0, 0, 0), (40, 90, 140, 190), (128, 96)),
    ],
)
def test_frames_are_turned_as_their_video_asks(make_clip, tmp_path, matrix, quarters, size):
    path = make_clip(tmp_path / "a.mp4", frames=2, quarters=LIGHT)
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    assert struct.unpack_from(">9i", content, place) == (WHOLE, 0, 0, 0, WHOLE, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", content, place, *matrix, 1 << 30)
    path.write_bytes(content)

    frame = read(path)[0]

    assert frame.picture.size == size
    assert frame.turned is (quarters != LIGHT)
    grey = np.asarray(frame.picture.convert("L"))
    near, far_x, far_y = 10, size[0] - 10, size[1] - 10
    found = [grey[y, x] for y, x in ((near, near), (near, far_x), (far_y, far_x), (far_y, near))]
    assert found == pytest.approx(quarters, abs=8)


def test_a_video_tells_when_it_began_unless_its_clock_was_never_set(make_clip, tmp_path):
    for name, started in (("a.mp4", "2019-06-28T08:15:33.000000Z"), ("b.mp4", "1970-01-01T00:00:00Z")):
        make_clip(tmp_path / name, started=started)
    make_clip(tmp_path / "c.mp4")

    told = []
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        with opened(tmp_path / name) as video:
            told.append(video.started)
    assert told == [datetime(2019, 6, 28, 8, 15, 33), None, None]


def test_frames_before_a_cut_are_given_and_the_cut_is_told(make_clip, tmp_path):
    content = make_clip(tmp_path / "a.mp4", movflags="faststart").read_bytes()
    start = content.index(b"mdat")
    (tmp_path / "a.mp4").write_bytes(content[: start + (len(content) - start) // 2])

    seen = []
    with opened(tmp_path / "a.mp4") as video, pytest.raises(DataError, match="is cut short: it tells of 10"):
        seen.extend(iter_into(seen, video.frames(1)))
    assert 3 <= len(seen) < 10


def iter_into(seen, frames):
    for frame in frames:
        seen.append(frame.number)
    return ()


def test_a_length_in_the_header_that_is_too_long_is_told_after_all_frames(make_clip, tmp_path):
    path = make_clip(tmp_path / "a.mkv")
    content = path.read_bytes()
    place = content.index(b"\x44\x89\x88") + 3  # the element Duration, in ms as a double
    assert struct.unpack(">d", content[place : place + 8]) == (2000.0,)
    path.write_bytes(content[:place] + struct.pack(">d", 60_000.0) + content[place + 8 :])

    seen = []
    with opened(path) as video:
        assert video.told_frames == 300
        with pytest.raises(
            DataError, match=r"or its header is wrong: it tells of 60.0 s and ends after 1.8 s"
        ):
            iter_into(seen, video.frames(1))
    assert seen == list(range(10))


def test_a_length_in_the_header_that_is_too_short_loses_no_frame(make_clip, tmp_path):
    path = make_clip(tmp_path / "a.mkv")
    content = path.read_bytes()
    place = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:place] + struct.pack(">d", 200.0) + content[place + 8 :])

    assert len(read(path)) == 10


def test_a_video_of_8k_is_read(make_clip, tmp_path):
    (first,) = read(make_clip(tmp_path / "a.mp4", frames=2, size=(7680, 4320)), every=2)

    assert first.picture.size == (7680, 4320)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not a video that can be read"),
        (b"hello", "is not a video that can be read"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nFILE\n#EXT-X-ENDLIST\n", "is not a video"),
        (b"ffconcat version 1.0\nfile FILE\n", "is not a video"),
    ],
)
def test_what_is_no_video_or_leads_to_other_files_is_refused(make_clip, tmp_path, content, complaint):
    other = make_clip(tmp_path / "other.mp4")
    path = tmp_path / "a.mp4"
    path.write_bytes(content.replace(b"FILE", bytes(other)))

    with pytest.raises(DataError, match=complaint):
        read(path)


def test_a_file_that_was_cut_before_its_index_is_refused(make_clip, tmp_path):
    path = make_clip(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:-400])

    with pytest.raises(DataError, match="is not a video that can be read"):
        read(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_a_video_without_frames_is_told(make_clip, tmp_path, name):
    path = make_clip(tmp_path / name, frames=0)

    with pytest.raises(DataError, match=r"has no frames|holds no video|not a video"):
        read(path)


def test_without_pyav_a_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(DataError, match="PyAV, which reads videos, is not installed") as caught:
        require_pyav(tmp_path / "clip.mp4")
    assert caught.value.remedy == "pip install av, or give pictures alone"
