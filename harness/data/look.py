"""A look at an archive or folder that somebody brings: which layout it has, and what is in it, in words."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.data.archive import GIVE_A_SUBSET, NAMES
from harness.data.box_counts import Count, table
from harness.data.labels import Problem, parse_yolo, to_corners
from harness.data.layout_coco import coco_files, read_coco
from harness.data.layout_kitti import is_kitti, read_kitti
from harness.data.layout_yolo import read_ultralytics, read_yolo_1_1
from harness.data.pictures import picture_problem, picture_size, upright_jpeg
from harness.data.source import Found, Source, pictures_of
from harness.errors import DataError
from harness.progress import Progress
from harness.text import shortened

KNOWN = (
    'CVAT\'s "YOLO 1.1" (obj.names), Ultralytics (data.yaml, images/, labels/), COCO (JSON), KITTI (labels '
    "of 15 columns)"
)


@dataclass(kw_only=True, slots=True)
class Look:
    """What the pictures and labels of a source are."""

    found: Found
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)  # (width, height) in pixels, upright
    boxes: dict[str, Counter[int]] = field(default_factory=dict)  # subset -> class -> boxes
    pictures: Counter[str] = field(default_factory=Counter)  # of each subset
    empty: Counter[str] = field(default_factory=Counter)  # of each subset, without a box
    changes: Counter[str] = field(default_factory=Counter)  # what download will do to a picture
    damaged: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # lines of labels that verify would refuse

    @property
    def folders(self) -> int:
        """How many folders below the subsets there are."""
        return len({(picture.subset, picture.folder) for picture in self.found.pictures})


def recognise(source: Source) -> Found:
    """The pictures and labels of a source, by the layout that it has.

    Raises:
        DataError: it has none that is known, several exports, no picture, or no class.
    """
    by_ending = {name: name.rpartition("/")[2] for name in source.names}
    exports = [name for name, last in by_ending.items() if last == NAMES]
    lists = [name for name, last in by_ending.items() if last in ("data.yaml", "data.yml", "classes.txt")]
    lists.sort(key=lambda name: (name.endswith(".txt"), name.count("/")))
    if len(exports) > 1:
        raise DataError(
            f"{source.path} holds {len(exports)} exports ({shortened(exports)}), expected one",
            remedy="export the project in place of its tasks, so that they become subsets; "
            "or unpack it and give one of them",
        )
    if exports:
        found = read_yolo_1_1(source, exports[0])
    elif files := coco_files(source):
        found = read_coco(source, files)
    elif lists:
        found = read_ultralytics(source, lists[0])
    elif is_kitti(source):
        found = read_kitti(source)
    else:
        raise _unknown(source)
    if not found.pictures or not found.classes:
        what = "no class" if found.pictures else "no picture with a label"
        is_bare = bool(exports) and not (found.pictures or found.oddities)  # obj.names and nothing beside it
        raise DataError(
            f"{source.path} looks like {found.layout}, and has {what}"
            + (f"; {shortened(found.oddities)}" if found.oddities else ""),
            remedy=GIVE_A_SUBSET if is_bare else "export it with its pictures and labels",
        )
    return found


def look_at(source: Source, found: Found, *, say: Callable[[str], None]) -> Look:
    """Decode every picture once and count what its label says.

    Raises:
        DataError: not one picture can be decoded, or not one has a box.
    """
    look = Look(found=found)
    with Progress("looking at pictures", len(found.pictures), unit="pictures", say=say) as progress:
        for picture in found.pictures:
            content, done = upright_jpeg(source.read(picture.name))
            if problem := picture_problem(content):
                look.damaged.append(f"{picture.name}: {problem}")
            size = picture_size(content)
            boxes, problems = parse_yolo(picture.label, where=picture.name, num_classes=len(found.classes))
            kept = [box for box in boxes if to_corners(box, width_px=size[0], height_px=size[1])]
            if all(size):
                look.sizes[size] += 1
            look.changes[done] += 1
            look.pictures[picture.subset] += 1
            look.empty[picture.subset] += not kept
            look.boxes.setdefault(picture.subset, Counter()).update(box.class_id for box in kept)
            look.problems += problems
            progress.advance()
    if not look.sizes:
        raise DataError(
            f"none of {len(look.damaged)} pictures can be decoded: {shortened(look.damaged)}",
            remedy="export it anew",
        )
    if not any(map(Counter.total, look.boxes.values())):
        raise DataError(
            f"{source.path} looks like {found.layout}: {len(found.pictures)} pictures without a single box",
            remedy="draw upright rectangles: CVAT leaves polygons, masks and turned boxes out of YOLO 1.1",
        )
    return look


def told(look: Look) -> str:
    """What was found, in words and a table."""
    found = look.found
    common = sorted(look.sizes.items(), key=lambda item: (-item[1], item[0]))
    sizes = shortened([f"{width}x{height} ({count})" for (width, height), count in common], shown=4)
    counts = {
        subset: Count(
            frames=look.pictures[subset],
            empty_frames=look.empty[subset],
            boxes={name: look.boxes[subset][place] for place, name in enumerate(found.classes)},
        )
        for subset in sorted(look.pictures)
    }
    lines = [
        f"layout: {found.layout}",
        f"pictures: {len(found.pictures)} in {look.folders} folder(s), sizes {sizes}",
        f"classes: {', '.join(found.classes)}",
        table(counts),
    ]
    return "\n".join(lines + [f"note: {oddity}" for oddity in oddities(look)])


def oddities(look: Look) -> list[str]:
    """Sentences on what a person should know before training."""
    said = list(look.found.oddities)
    said += [f"{count} pictures will be {done}" for done, count in sorted(look.changes.items()) if done]
    for what, several in (("damaged pictures", look.damaged), ("lines of labels are wrong", look.problems)):
        if several:
            said.append(f"{len(several)} {what}: {shortened([str(each) for each in several])}")
    unused = [
        name
        for place, name in enumerate(look.found.classes)
        if not any(counted[place] for counted in look.boxes.values())
    ]
    if unused:
        said.append(f"no box of {', '.join(unused)}")
    return said


def _unknown(source: Source) -> DataError:
    endings = Counter(name.rpartition(".")[2].lower() for name in source.names)
    inner: Sequence[str] = [name for name in source.names if name.lower().endswith(".zip")]
    seen = ", ".join(f"{count} .{ending}" for ending, count in endings.most_common(4)) or "no file"
    if inner:
        remedy = f"unpack it, and give the archive inside: {shortened(inner)}"
    elif pictures_of(source):
        remedy = "export it with labels and names of classes, in one of these layouts"
    else:
        remedy = 'export it with its pictures (CVAT: "Save images"), and give the archive or folder'
    return DataError(f"{source.path} holds {seen}; expected {KNOWN}", remedy=remedy)
