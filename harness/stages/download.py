"""download: fetch or make the archive, unpack and pair frames, split off test, fetch starting weights."""

import dataclasses
import sys
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.errors import DataError
from harness.files import link_or_copy, publish, write_text
from harness.settings.address import is_local
from harness.settings.dataset import SplitRule, local_path
from harness.settings.variables import Settings
from harness.stages.base import Attempt, Stage
from harness.text import listing

if TYPE_CHECKING:  # only a run needs it
    from harness.data.frames import Frame

# Where NVIDIA's own client puts the model `nvidia/tao/pretrained_object_detection:resnet18`, and where its
# specs expect it. The workflow fetched `nvidia/iva/tlt_resnet18_ssd` instead, a starter of another network
# from TLT 1.0, and never unpacked it.
PRETRAINED = "pretrained_resnet18/pretrained_object_detection_vresnet18"
PRETRAINED_IN_ZIP = "resnet_18.hdf5"
MAKER = "made_frames"  # the package that makes archives; run, never imported


def pretrained_product(settings: Settings) -> str:
    """Where the weights to start from lie in the workspace, or "" where none are wanted."""
    if not settings.pretrained:
        return ""
    name = PurePosixPath(urlsplit(settings.pretrained).path).name
    # NGC's addresses of whole versions end in /zip.
    return f"{PRETRAINED}/{PRETRAINED_IN_ZIP if name == 'zip' or name.endswith('.zip') else name}"


class Download(Stage):
    """Brings the frames into the workspace; the archive itself is kept beside them and used again."""

    name = "download"
    revision = 1

    def inputs(self) -> dict[str, Any]:
        dataset = self.settings.dataset
        made = dataclasses.asdict(dataset.make) if dataset.make.generator else None
        return {
            "archive": made or _identity(dataset.address, dataset.sha256),
            "split": _rule(dataset.split),
            "unpaired": dataset.unpaired,
            **({"skip_damaged": dataset.skip_damaged} if dataset.skip_damaged else {}),
            "limit": self.settings.limit,
            "pretrained": _identity(_pretrained_address(self.settings), self.settings.pretrained_sha256),
        }

    def products(self) -> tuple[str, ...]:
        frames = (
            "data/.frames/images",
            "data/.frames/labels_raw",
            "data/.frames/obj.names",
            "data/.frames/split.json",
        )
        pretrained = pretrained_product(self.settings)
        return (*frames, pretrained) if pretrained else frames

    def commands(self, folder: Path) -> tuple[tuple[str, ...], ...]:
        make, archive = self.settings.dataset.make, folder / self.settings.dataset.archive
        if not make.generator:
            return ()
        options = (f"--frames={make.train_frames + make.test_frames}", f"--seed={make.seed}")
        return ((sys.executable, "-m", MAKER, str(archive), *options),)

    def perform(self, attempt: Attempt) -> None:
        from harness.data.archive import read_contents, unpack  # 15 ms that only a run needs
        from harness.data.fetch import keep  # 25 ms
        from harness.data.pictures import tell_changes
        from harness.data.split import split_frames
        from harness.data.views import write_split

        dataset, archive = self.settings.dataset, self.workspace.data / self.settings.dataset.archive
        for command in self.commands(attempt.folder):
            attempt.run(command, package=MAKER)
            publish(attempt.folder / dataset.archive, archive)
        if dataset.address:
            keep(archive, dataset.address, sha256=dataset.sha256, say=attempt.say)
        contents = read_contents(archive)
        self._check_pairs(contents.pairing.unpaired, attempt)
        frames = self._sound(archive, contents.pairing.frames, attempt)
        split = split_frames(
            {frame.stem: frame.folder for frame in frames},
            dataset.split,
            subsets={frame.stem: frame.subset for frame in frames},
            limit=self.settings.limit,
        )
        kept = {*split.train, *split.test}
        changes = unpack(
            archive,
            [frame for frame in frames if frame.stem in kept],
            images=attempt.staged("data/.frames/images"),
            labels=attempt.staged("data/.frames/labels_raw"),
            say=attempt.say,
        )
        write_text(
            attempt.staged("data/.frames/obj.names"), "".join(f"{name}\n" for name in contents.classes)
        )
        write_split(attempt.staged("data/.frames/split.json"), split, seed=dataset.split.seed)
        self._bring_pretrained(attempt)
        tell_changes(changes, attempt.say)
        self._tell_subsets(Counter(frame.subset for frame in frames), attempt)
        attempt.say(
            f"{len(kept)} of {len(frames)} frames: {len(split.train)} to train on, {len(split.test)} test"
        )

    def own_reasons(self) -> list[str]:
        reasons = super().own_reasons()
        if reasons or not self.settings.deep:
            return reasons
        from harness.data.pictures import is_upright

        # Before, EXIF orientations were not applied here; the marker of then cannot say so.
        images = (self.workspace.frames / "images").iterdir()
        turned = sum(not is_upright(path.read_bytes()) for path in images)
        return [f"{turned} pictures have an EXIF orientation that was not applied"] if turned else []

    def _check_pairs(self, unpaired: tuple[str, ...], attempt: Attempt) -> None:
        if not unpaired:
            return
        dataset = self.settings.dataset
        message = f"{len(unpaired)} file(s) without partner in {dataset.archive}:{listing(unpaired)}"
        if dataset.unpaired == "refuse":
            raise DataError(
                message,
                remedy="complete the archive (an empty .txt is a frame without objects), "
                f'or leave them out: unpaired = "skip" in the file of data set {dataset.name}',
            )
        attempt.say(f"left out: {message}")

    def _sound(self, archive: Path, frames: "tuple[Frame, ...]", attempt: Attempt) -> "list[Frame]":
        """The frames without those that the data set says may be damaged."""
        from harness.data.archive import damaged_pictures

        dataset = self.settings.dataset
        damaged = damaged_pictures(archive, frames, say=attempt.say) if dataset.skip_damaged else {}
        message = f"{len(damaged)} damaged picture(s) in {dataset.archive}:{listing([*damaged.values()])}"
        if len(damaged) > dataset.skip_damaged:
            raise DataError(
                f"skip_damaged = {dataset.skip_damaged}, but there are {message}",
                remedy=f"correct {dataset.sought}, "
                f"or raise skip_damaged in the file of data set {dataset.name}",
            )
        if damaged:
            attempt.say(f"left out: {message}")
        return [frame for frame in frames if frame.stem not in damaged]

    def _tell_subsets(self, subsets: Counter[str], attempt: Attempt) -> None:
        rule = self.settings.dataset.split
        if len(subsets) > 1 and not (rule.test_subsets or rule.val_subsets):
            found = ", ".join(f"{name} ({count})" for name, count in sorted(subsets.items()))
            attempt.say(
                f"the archive's own subsets, {found}, are one pool and split anew; "
                "to keep them: test_subsets and val_subsets in [split] of the data set's file"
            )

    def _bring_pretrained(self, attempt: Attempt) -> None:
        from harness.data.fetch import keep
        from harness.data.zip_file import extract_one, is_zip

        product = pretrained_product(self.settings)
        if not product:
            return
        address = _pretrained_address(self.settings)
        kept = self.workspace.pretrained / PurePosixPath(urlsplit(address).path).name
        keep(kept, address, sha256=self.settings.pretrained_sha256, say=attempt.say)
        if is_zip(kept):
            extract_one(kept, PRETRAINED_IN_ZIP, attempt.staged(product))
        else:
            link_or_copy(kept, attempt.staged(product))


def _pretrained_address(settings: Settings) -> str:
    """As an address, also where a plain path was given; "" where none are wanted."""
    given = settings.pretrained
    return given if not given or urlsplit(given).scheme else Path(given).expanduser().resolve().as_uri()


def _rule(split: SplitRule) -> dict[str, Any]:
    """The rule as it decides what comes out; keys that were not there before only where they do."""
    values = dataclasses.asdict(split)
    rule = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    for key in ("test_subsets", "val_subsets"):
        if not rule[key]:
            del rule[key]
    # Before, split.json did not say who belongs together, and validation was drawn across folders.
    return {**rule, "groups": "kept"} if split.group == "folder" else rule


def _identity(address: str, sha256: str) -> Any:
    """What tells one content from another without reading it."""
    if sha256 or not address or not is_local(address):
        return sha256
    path = local_path(address)
    return [path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else f"no file at {path}"
