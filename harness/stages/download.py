"""download: fetch or make the archive, unpack and pair frames, split off test, fetch starting weights."""

import dataclasses
import sys
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from harness.errors import DataError
from harness.files import link_or_copy, publish, write_text
from harness.settings.address import is_local
from harness.settings.dataset import local_path
from harness.settings.variables import Settings
from harness.stages.base import Attempt, Stage
from harness.text import listing

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
        rule = dataclasses.asdict(dataset.split)
        return {
            "archive": made or _identity(dataset.address, dataset.sha256),
            "split": {**rule, "test_groups": list(dataset.split.test_groups)},
            "unpaired": dataset.unpaired,
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
        frames = contents.pairing.frames
        folders = {frame.stem: frame.folder for frame in frames}
        split = split_frames(folders, dataset.split, limit=self.settings.limit)
        kept = {*split.train, *split.test}
        unpack(
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
        attempt.say(
            f"{len(kept)} of {len(frames)} frames: {len(split.train)} to train on, {len(split.test)} test"
        )

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

    def _bring_pretrained(self, attempt: Attempt) -> None:
        from harness.data.archive import extract_one, is_zip
        from harness.data.fetch import keep

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


def _identity(address: str, sha256: str) -> Any:
    """What tells one content from another without reading it."""
    if sha256 or not address or not is_local(address):
        return sha256
    path = local_path(address)
    return [path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else f"no file at {path}"
