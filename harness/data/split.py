"""Who is train, validation and test: a pure function of names and a seed, the same on every machine."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import DataError

if (
    TYPE_CHECKING
):  # settings read TOML, which Python 3.10 cannot do by itself, and generate_val_dataset.py has no more
    from harness.settings.dataset import SplitRule


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Sorted stems; no stem is in both."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def draw(names: Collection[str], count: int, *, seed: int) -> tuple[str, ...]:
    """`count` of `names`, sorted.

    The order of drawing is that of the names' digests, not a random generator's: it depends neither on the
    Python release nor on which other names there are, so a frame more or less changes the draw by one frame
    at most.
    """
    return tuple(sorted(_shuffled(names, seed)[:count]))


def split_frames(folders: Mapping[str, str], rule: "SplitRule", *, limit: int = 0) -> Split:
    """Divide frames into train and test.

    Args:
        folders: for each stem the archive folder it comes from.
        limit: keep only so many training frames, drawn with the rule's seed; 0 keeps all. Test frames all
            stay.

    Raises:
        DataError: the rule leaves no frame for training or for test, or names a folder that is not there.
    """
    wanted = rule.test_frames or max(1, len(folders) * rule.test_pct // 100)
    if rule.test_groups:
        groups = _known_groups(folders, rule.test_groups)
        test = [stem for stem, folder in folders.items() if folder in groups]
    elif rule.group == "folder":
        test = _whole_folders(folders, wanted, rule.seed)
    else:
        test = list(draw(folders, wanted, seed=rule.seed))
    train = sorted(folders.keys() - set(test))
    if not train or not test:
        raise DataError(
            f"of {len(folders)} frames the split rule puts {len(train)} into train and {len(test)} "
            "into test, expected at least one in each",
            remedy="correct [split] in the data set's file",
        )
    kept = draw(train, limit or len(train), seed=rule.seed)
    return Split(train=kept, test=tuple(sorted(test)))


def choose_validation(train: Collection[str], *, val_split_pct: float, seed: int) -> tuple[str, ...]:
    """The stems of `train` that become validation: `val_split_pct` of them, rounded down, but at least one.

    Raises:
        DataError: fewer than two frames, so that train or validation would be empty.
    """
    if len(train) < 2:
        raise DataError(
            f"{len(train)} training frame(s), expected two or more: one must stay, one becomes validation",
            remedy="raise LIMIT, or use a larger data set",
        )
    return draw(train, max(1, int(len(train) * val_split_pct / 100)), seed=seed)


def _shuffled(names: Collection[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: (hashlib.sha256(f"{seed}/{name}".encode()).digest(), name))


def _known_groups(folders: Mapping[str, str], groups: tuple[str, ...]) -> set[str]:
    found = set(folders.values())
    if missing := sorted(set(groups) - found):
        raise DataError(
            f"test_groups names {', '.join(missing)}, "
            f"but the archive has the folders {', '.join(sorted(found))}",
            remedy="correct test_groups in the data set's file",
        )
    return set(groups)


def _whole_folders(folders: Mapping[str, str], wanted: int, seed: int) -> list[str]:
    test: list[str] = []
    for group in _shuffled(set(folders.values()), seed):
        if len(test) >= wanted:
            break
        test += [stem for stem, folder in folders.items() if folder == group]
    return test
