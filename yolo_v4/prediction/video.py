"""Frames of a video, read with PyAV, an optional extra; nothing but the file itself is opened."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from yolo_v4.data.picture_file import MAX_PICTURE_PX
from yolo_v4.errors import DataError
from yolo_v4.prediction.moment import plausible

# Containers that hold pictures themselves. Playlists and the like, which lead to other files and hosts, are
# not among them.
DEMUXERS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,h264,hevc,m4v"
THREADS = 4  # each keeps frames, which of an 8K video take 50 MB each
MOST_SHORT, MOST_SHORT_S = 0.1, 1.0  # of what a header may tell too much: a share, and seconds
REMEDY = "replace it, or copy it again"
# How a frame is to be shown, by the signs of a, b, c and d of its matrix: the point (x, y) is shown at
# (a x + c y, b x + d y), moved (ISO/IEC 14496-12, the box tkhd).
TURNS = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,  # PIL counts against the clock
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


class VideoFrame(NamedTuple):
    """One frame, upright; `seconds` since the start of the video, None where it does not tell."""

    number: int  # from 0
    seconds: float | None
    picture: Image.Image
    turned: bool  # to be upright


class Video:
    """An open video."""

    def __init__(self, path: Path, container: Any) -> None:
        if not container.streams.video:
            raise DataError(f"{path} holds no video", remedy=REMEDY)
        self._path = path
        self._container = container
        self._stream = container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = THREADS

    @property
    def started(self) -> datetime | None:
        """When it began, in UTC, if the video tells."""
        try:
            moment = datetime.fromisoformat(self._container.metadata["creation_time"].replace("Z", "+00:00"))
        except (KeyError, ValueError):
            return None
        return plausible(moment.replace(tzinfo=None))

    @property
    def told_frames(self) -> int:
        """How many frames its header tells of, which may be wrong; 0 where it does not."""
        return int(self._stream.frames) or round(self._told_s * float(self._stream.average_rate or 0))

    @property
    def _told_s(self) -> float:
        return float(self._container.duration or 0) / 1e6

    def frames(self, every: int) -> Iterator[VideoFrame]:
        """Every so many frames, from the first one on.

        Raises DataError: the video is damaged, has no frames, or fewer than its header tells of; after those
        that there are.
        """
        from av.error import FFmpegError

        number = packets = 0
        last_s = 0.0
        try:
            for packet in self._container.demux(self._stream):
                packets += packet.size > 0
                for frame in packet.decode():
                    last_s = frame.time or last_s
                    if number % every == 0:
                        turn = _turn(frame)
                        picture = self._picture(frame)
                        picture = picture if turn is None else picture.transpose(turn)
                        yield VideoFrame(number, frame.time, picture, turn is not None)
                    number += 1
        except (FFmpegError, OSError) as error:
            words = error.strerror or str(error)
            raise DataError(
                f"{self._path} is damaged after {number} frames: {words}", remedy=REMEDY
            ) from error
        if number == 0:
            raise DataError(f"{self._path} has no frames", remedy=REMEDY)
        self._require_whole(packets, last_s)

    def _require_whole(self, packets: int, last_s: float) -> None:
        if packets < self._stream.frames:
            raise DataError(
                f"{self._path} is cut short: it tells of {self._stream.frames} frames and has {packets}",
                remedy=REMEDY,
            )
        # Some containers tell no number of frames, and sound may be a little longer than the picture.
        is_short = last_s + MOST_SHORT_S < self._told_s * (1 - MOST_SHORT)
        if not self._stream.frames and is_short:
            raise DataError(
                f"{self._path} is cut short, or its header is wrong: it tells of {self._told_s:.1f} s and "
                f"ends after {last_s:.1f} s",
                remedy=REMEDY,
            )

    def _picture(self, frame: Any) -> Image.Image:
        if frame.width * frame.height > MAX_PICTURE_PX:
            raise DataError(
                f"{self._path} has frames of {frame.width} x {frame.height} pixels; at most {MAX_PICTURE_PX} "
                "are decoded",
                remedy="scale it down",
            )
        picture: Image.Image = frame.to_image()
        return picture


def _turn(frame: Any) -> Image.Transpose | None:
    """How the video asks to turn or mirror its frames; None where it does not, or by no right angle."""
    from av.sidedata.sidedata import Type

    for part in frame.side_data:
        if part.type == Type.DISPLAYMATRIX:
            a, b, _, c, d, *_ = struct.unpack("=9i", bytes(part))
            a, b, c, d = ((value > 0) - (value < 0) for value in (a, b, c, d))
            return TURNS.get((a, b, c, d))
    return None


def told_frames(path: Path, every: int) -> int:
    """How many frames of a video there are to look at, if its header is right; 0 where it cannot be read."""
    with suppress(DataError), opened(path) as video:
        return -(-video.told_frames // every)
    return 0


def require_pyav(path: Path) -> None:
    """Raises DataError: PyAV, which reads `path`, is not installed."""
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"{path} is a video, and PyAV, which reads videos, is not installed",
            remedy="pip install av, or give pictures alone",
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[Video]:
    """A video, open for as long as the context lasts. Raises DataError: it is none, or cannot be read."""
    import av
    from av.error import FFmpegError

    try:
        # A stream and not a path: a path may be an address, and its letters need not be UTF-8.
        stream = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", remedy=REMEDY) from error
    with stream:
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
        try:
            container = av.open(stream, options=options)
        except (FFmpegError, OSError) as error:
            words = error.strerror or str(error)
            raise DataError(f"{path} is not a video that can be read: {words}", remedy=REMEDY) from error
        with container:
            yield Video(path, container)
