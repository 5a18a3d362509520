"""Who is train, validation and test: a pure function of names and a seed, the same on every machine."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import DataError

if (
    TYPE_CHECKING
):  # settings read TOML, which Python 3.10 cannot do by itself, and generate_val_dataset.py has no more
    from harness.settings.dataset import SplitRule


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Sorted stems; no stem is in both.

    `validation` are those of `train` that the data set itself says; `groups` is the folder of each stem of
    `train` where whole folders stay together. Both are empty where they decide nothing.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)


def draw(names: Collection[str], count: int, *, seed: int) -> tuple[str, ...]:
    """`count` of `names`, sorted.

    The order of drawing is that of the names' digests, not a random generator's: it depends neither on the
    Python release nor on which other names there are, so a frame more or less changes the draw by one frame
    at most.
    """
    return tuple(sorted(_shuffled(names, seed)[:count]))


def split_frames(
    folders: Mapping[str, str],
    rule: "SplitRule",
    *,
    subsets: Mapping[str, str] | None = None,
    limit: int = 0,
) -> Split:
    """Divide frames into train and test.

    Args:
        folders: for each stem the archive folder it comes from.
        subsets: for each stem the annotator's own subset it comes from, such as train or valid.
        limit: keep only so many training frames, drawn with the rule's seed; 0 keeps all. Test frames all
            stay.

    Raises:
        DataError: the rule leaves no frame for training or for test, or names a folder or subset that is not
            there.
    """
    subsets = subsets or {}
    test = _choose_test(folders, subsets, rule)
    train = sorted(folders.keys() - set(test))
    if not train or not test:
        raise DataError(
            f"of {len(folders)} frames the split rule puts {len(train)} into train and {len(test)} "
            f"into test, expected at least one in each{_one_folder(folders, rule)}",
            remedy='leave out group = "folder", or give the archive a folder for each camera or day'
            if _one_folder(folders, rule)
            else "correct [split] in the data set's file",
        )
    kept = draw(train, limit or len(train), seed=rule.seed)
    named = _known("val_subsets", rule.val_subsets, subsets)
    return Split(
        train=kept,
        test=tuple(sorted(test)),
        validation=tuple(stem for stem in kept if subsets.get(stem) in named),
        groups={stem: folders[stem] for stem in kept} if rule.group == "folder" else {},
    )


def choose_validation(
    train: Collection[str],
    *,
    val_split_pct: float,
    seed: int,
    groups: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The stems of `train` that become validation: `val_split_pct` of them, rounded down, but at least one.

    Args:
        groups: for each stem its folder, where whole folders stay together: then as many folders are drawn
            as make at least that share.

    Raises:
        DataError: fewer than two frames or folders, so that train or validation would be empty.
    """
    count = max(1, int(len(train) * val_split_pct / 100))
    if groups:
        folders = {stem: groups[stem] for stem in train}
        chosen = _whole_folders(folders, count, seed)
        if len(chosen) == len(folders):  # the last folder drawn stays in training, where it is not the first
            last = _shuffled(set(folders.values()), seed)[-1]
            chosen = [stem for stem in chosen if folders[stem] != last]
        if not chosen:
            raise DataError(
                f"the {len(train)} training frames are all of one folder, expected two folders or more: "
                "one must stay, one becomes validation",
                remedy='leave out group = "folder" in the data set\'s file, or hold fewer folders out',
            )
        return tuple(sorted(chosen))
    if len(train) < 2:
        raise DataError(
            f"{len(train)} training frame(s), expected two or more: one must stay, one becomes validation",
            remedy="raise LIMIT, or use a larger data set",
        )
    return draw(train, count, seed=seed)


def planned_validation(split: Split, *, val_split_pct: float, seed: int) -> tuple[str, ...]:
    """The stems of `split.train` that become validation: those that the data set says, else drawn ones.

    Raises:
        DataError: as `choose_validation`, or all training frames would become validation.
    """
    if not split.validation:
        return choose_validation(split.train, val_split_pct=val_split_pct, seed=seed, groups=split.groups)
    if len(split.validation) == len(split.train):
        raise DataError(
            f"val_subsets makes all {len(split.train)} training frames validation frames, none stays",
            remedy="correct val_subsets in the data set's file",
        )
    return split.validation


def _shuffled(names: Collection[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: (hashlib.sha256(f"{seed}/{name}".encode()).digest(), name))


def _choose_test(folders: Mapping[str, str], subsets: Mapping[str, str], rule: "SplitRule") -> list[str]:
    wanted = rule.test_frames or max(1, len(folders) * rule.test_pct // 100)
    if rule.test_subsets:
        named = _known("test_subsets", rule.test_subsets, subsets)
        return [stem for stem in folders if subsets.get(stem) in named]
    if rule.test_groups:
        groups = _known("test_groups", rule.test_groups, folders, subsets)
        return [stem for stem, folder in folders.items() if folder in groups]
    if rule.group == "folder":
        return _whole_folders(folders, wanted, rule.seed)
    return list(draw(folders, wanted, seed=rule.seed))


def _one_folder(folders: Mapping[str, str], rule: "SplitRule") -> str:
    """Why folders cannot be told apart, or ""."""
    if rule.group != "folder" or rule.test_groups or len({*folders.values()}) > 1:
        return ""
    return ': group = "folder" keeps whole folders together, and all frames are in one folder'


def _known(
    key: str, named: tuple[str, ...], places: Mapping[str, str], subsets: Mapping[str, str] | None = None
) -> set[str]:
    """The folders or subsets that a rule names."""
    found = set(places.values())
    if missing := sorted(set(named) - found):
        kind = key.partition("_")[2].replace("groups", "folders")
        meant = [name.removeprefix("obj_").removesuffix("_data") for name in missing]
        words = f"correct {key} in the data set's file"
        if {*meant} <= {*(subsets or {}).values()}:
            words = f"write test_subsets = {list(meant)} in its place: these are subsets, not folders"
        names = ", ".join(name or "(none)" for name in sorted(found))
        raise DataError(
            f"{key} names {', '.join(missing)}, but the archive has the {kind} {names}", remedy=words
        )
    return set(named)


def _whole_folders(folders: Mapping[str, str], wanted: int, seed: int) -> list[str]:
    test: list[str] = []
    for group in _shuffled(set(folders.values()), seed):
        if len(test) >= wanted:
            break
        test += [stem for stem, folder in folders.items() if folder == group]
    return test
