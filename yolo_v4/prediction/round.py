"""One round over everything that is not done yet, in threads, a picture or frame each."""

from collections.abc import Callable, Iterator, Sequence

from yolo_v4.data.batches import ahead
from yolo_v4.errors import DataError
from yolo_v4.prediction.inputs import Item
from yolo_v4.prediction.results import CLIP, PICTURE, Entry, Results, fingerprint
from yolo_v4.prediction.runtime import workers
from yolo_v4.prediction.video import opened
from yolo_v4.prediction.work import Task
from yolo_v4.progress import Progress

Work = Callable[[Task], Entry | str]


class Round:
    """Goes through items and notes in the journal what was done.

    Args:
        every: of videos, every so many frames.
        most_unread: more pictures and videos that cannot be read end the round; None: none is too many.
    """

    def __init__(
        self, results: Results, items: Sequence[Item], *, every: int, most_unread: int | None
    ) -> None:
        self.looked_at = 0
        self._results = results
        self._every = every
        self._most_unread = most_unread
        self._unread: dict[str, str] = {}
        self._items = [item for item in items if not self._is_done(item)]
        self._progress: Progress
        if before := len(items) - len(self._items):
            print(f"goes on: {before} of {len(items)} were done before", flush=True)

    def run(self, start: Callable[[], Work]) -> dict[str, str]:
        """Look at what is left; returns what could not be read: name and reason.

        `start` makes the function that does a task, and is not called where nothing is left.
        Raises DataError: more could not be read than may be left out.
        """
        if not self._items:
            return {}
        work = start()
        with Progress(len(self._items), "Predicting") as self._progress:
            results = ahead(
                lambda task: (task, work(task)),
                self._tasks(),
                workers=workers(),
            )
            for task, entry in results:
                if isinstance(entry, str):
                    self._not_read(task.item, entry)
                else:
                    self._results.add(task.item, task.number, entry)
                if task.number != CLIP:
                    self.looked_at += 1
                    self._progress.advance(1)
        return self._unread

    def _is_done(self, item: Item) -> bool:
        return self._results.done(item, CLIP if item.is_video else PICTURE) is not None

    def _tasks(self) -> Iterator[Task]:
        for item in self._items:
            if item.is_video:
                yield from self._frames(item)
            else:
                yield Task(item)

    def _frames(self, item: Item) -> Iterator[Task]:
        """The frames of a video that are not done, and at its end a task for the video itself."""
        expected = 1
        source, seen = fingerprint(item.path), 0
        try:
            with opened(item.path) as video:
                expected = max(-(-video.told_frames // self._every), 1)
                self._progress.expect(expected - 1)
                for frame in video.frames(self._every):
                    seen += 1
                    if self._results.done(item, frame.number):
                        self._progress.advance(1)
                    else:
                        yield Task(item, frame, source, video.started)
                yield Task(item, None, source, ends_video=True)
        except DataError as error:
            self._not_read(item, error.message)
        self._progress.expect(seen - expected)

    def _not_read(self, item: Item, reason: str) -> None:
        self._unread[item.name] = reason
        if self._most_unread is not None and len(self._unread) > self._most_unread:
            raise DataError(
                f"{len(self._unread)} pictures or videos could not be read, and at most {self._most_unread} "
                f"may be left out; the last one: {reason}",
                remedy="replace or remove it, or leave out more with --skip_damaged; "
                "then the same command again goes on",
            )
