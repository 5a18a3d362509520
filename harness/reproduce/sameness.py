"""How much of each product is the same, from the bytes down to the quality of the network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.files import digest_path
from harness.reproduce.content import Answer, compare_contents, joined, without_anchors
from harness.reproduce.differences import Difference, causes
from harness.reproduce.levels import Level
from harness.reproduce.outputs import compare_outputs
from harness.reproduce.quality import compare_quality
from harness.reproduce.source import Run, spec_path
from harness.stages.workflow import needed
from harness.text import number, one_line
from harness.verdict import Verdict
from harness.workspace.layout import Workspace
from harness.workspace.marker import Product

# Products that a network made, or that say how it looks: where their content differs, what it finds may be
# the same. The spec as used is one of them as far as its anchors are concerned.
EXPORT = "experiment/export"
LEARNED = (
    *("experiment/anchors.json", "experiment/weights", "experiment/yolov4_training_log_"),
    *("experiment/metrics", "experiment/detections.jsonl", "experiment/visualisations/"),
    EXPORT,
)
BESIDE_NETWORK = ".txt"  # there: labels and settings of a server, which hold nothing that was learned
CHANGED = "the file there is not the one that its marker names: it was changed after its run"
BY_QUALITY = {Verdict.YES: Level.QUALITY, Verdict.NO: Level.DIFFERENT, Verdict.CANNOT_TELL: Level.UNKNOWN}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One product, or one score of a record, of both runs."""

    stage: str
    name: str  # its path in the workspace, or the name of the score
    level: Level
    there: str  # SHA-256 or value; "" where there is none
    here: str
    difference: str = ""  # the first one, in words; or why nobody can tell
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Rows of two runs, and what their networks, or scores, were judged by; "" where nobody had to ask."""

    rows: tuple[Row, ...]
    network: str = ""


def compare_runs(there: Run, here: Run, stages: Sequence[str], found: Sequence[Difference]) -> Comparison:
    """A row for each product of these stages, in the order of the workflow; of a record for each score.

    Args:
        found: facts that differ, of which causes are.
    """
    if there.folder is None:
        return _scores(there, here, found)
    comparison, rows = _Workspaces(there, here), list[Row]()
    for stage in stages:
        own = [comparison.row(stage, product) for product in there.markers[stage].products]
        rows += [_with_causes(row, rows, found) for row in own]
    return Comparison(rows=tuple(rows), network=comparison.network)


class _Workspaces:
    """Two workspaces; what is asked of both as a whole is asked once."""

    def __init__(self, there: Run, here: Run) -> None:
        assert there.folder is not None
        assert here.folder is not None
        self._there, self._here = there, here
        self._roots = (there.folder, here.folder)
        self._digests = [_digests(there, there.folder), _digests(there, here.folder)]
        pairs = [(name, old, self._digests[1][name]) for name, old in self._digests[0].items()]
        other = [name for name, old, new in pairs if old and new and old != new]
        self._contents = compare_contents(*self._roots, other)
        self._level: Level | None = None  # of what the networks find, once it was asked for
        self.network = ""

    def row(self, stage: str, product: Product) -> Row:
        """The level of one product, without causes but those that lie in the file itself."""
        name, promised = product.path, product.digest.sha256
        found, made = (digests[name] for digests in self._digests)
        row = Row(stage=stage, name=name, level=Level.BYTES, there=promised, here=made)
        if not made:
            return replace(row, level=Level.DIFFERENT, difference="it was not made here")
        if found and found != promised:
            return self._changed_since(row, found)
        if made == promised:
            return replace(row, difference="" if found else "by its digest; it is not at hand there")
        if not found:
            words = "other bytes, and it is not at hand there to be compared by content"
            return self._by_network(row, Answer(same=Verdict.CANNOT_TELL, difference=words))
        answer = self._contents[name]
        if answer.same is Verdict.YES:
            return replace(row, level=Level.CONTENT, difference="other bytes")
        return self._by_network(row, answer)

    def _changed_since(self, row: Row, found: str) -> Row:
        """The level of a product whose file there is not the one that its marker names."""
        if row.here == found:
            words = "the file there is as the one made here, and its marker names other bytes"
            return replace(row, level=Level.UNKNOWN, difference=words, causes=(CHANGED,))
        answer = self._contents[row.name]
        level = Level.CONTENT if answer.same is Verdict.YES else Level.DIFFERENT
        return replace(row, level=level, difference=answer.difference or "other bytes", causes=(CHANGED,))

    def _by_network(self, row: Row, content: Answer) -> Row:
        """The level of a product whose content differs, or is not known to be the same."""
        is_learned = self._is_learned(row.name)
        if row.name == EXPORT and content.same is Verdict.NO:
            beside = self._beside_network(row.name)
            is_learned = beside.same is Verdict.YES
            content = content if is_learned else beside
        if not is_learned:
            level = Level.DIFFERENT if content.same is Verdict.NO else Level.UNKNOWN
            return replace(row, level=level, difference=content.difference)
        if self._level is None:
            self._level, self.network = _compare_networks(self._there, self._here)
        return replace(row, level=self._level, difference=content.difference)

    def _beside_network(self, product: str) -> Answer:
        """Whether both folders have the same files, and those beside the network the same content."""
        first, second = (
            {path.relative_to(root).as_posix() for path in (root / product).rglob("*") if path.is_file()}
            for root in self._roots
        )
        if only := sorted(first ^ second):
            return Answer(same=Verdict.NO, difference=f"{one_line(only[0])} is on one side only")
        beside = [name for name in sorted(first) if name.endswith(BESIDE_NETWORK)]
        return joined(compare_contents(*self._roots, beside).values())

    def _is_learned(self, name: str) -> bool:
        if name.startswith(LEARNED):
            return True
        paths = [root / name for root in self._roots]
        if name != spec_path(self._there) or not all(path.is_file() for path in paths):
            return False
        there, here = (without_anchors(path.read_text(errors="replace")) for path in paths)
        return there == here


def _compare_networks(there: Run, here: Run) -> tuple[Level, str]:
    """The level of what the two networks find, and what it was judged by."""
    assert there.folder is not None
    assert here.folder is not None
    outputs = compare_outputs(there.folder, here.folder)
    if outputs.same is Verdict.YES:
        return Level.OUTPUTS, outputs.difference
    quality = compare_quality(there, here)
    return BY_QUALITY[quality.same], f"{outputs.difference}; {quality.difference}"


def _with_causes(row: Row, before: Sequence[Row], found: Sequence[Difference]) -> Row:
    if row.level is Level.BYTES or row.causes:
        return row
    same, upstream = (Level.BYTES, Level.CONTENT), needed([row.stage])[:-1]
    differ = [one.name for one in before if one.stage in upstream and one.level not in same]
    return replace(row, causes=causes(row.stage, found, differ if row.level is not Level.CONTENT else ()))


def _digests(run: Run, root: Path) -> dict[str, str]:
    """Digest of each product of `run` as it lies below `root`; "" where it is not there."""
    names = [product.path for marker in run.markers.values() for product in marker.products]
    return {name: whole_digest(root, name) for name in names}


def whole_digest(root: Path, name: str) -> str:
    """SHA-256 of a product as a marker has it; "" where it is not there, or leads elsewhere by a link.

    A link would bring files into the comparison, and so into a receipt, that are none of the run's.
    """
    workspace, path = Workspace(root), root / name
    if path.is_symlink() or workspace.link_before(path) or any(each.is_symlink() for each in path.rglob("*")):
        return ""
    try:
        return digest_path(path).sha256
    except OSError:
        return ""


def _scores(there: Run, here: Run, found: Sequence[Difference]) -> Comparison:
    """What a record tells: the data by digest, scores and losses by their digits, and then the band."""
    data = [one.facts.get("data_sha256") for one in (there, here)]
    level = Level.UNKNOWN if None in data else Level.BYTES if data[0] == data[1] else Level.DIFFERENT
    words = (
        ""
        if level is Level.BYTES
        else "the frames, labels or their split"
        if level is Level.DIFFERENT
        else "not recorded"
    )
    rows = [
        Row(
            stage="gen-valid",
            name="data",
            level=level,
            there=str(data[0]),
            here=str(data[1]),
            difference=words,
        )
    ]
    quality = compare_quality(there, here)
    for name, value in there.scores.items():
        own = here.scores.get(name)
        row = Row(stage="eval", name=name, level=Level.CONTENT, there=repr(value), here=repr(own))
        if own != value:
            words = f"{name} was {number(value)}, is {'not there' if own is None else number(own)}"
            row = replace(row, level=BY_QUALITY[quality.same], difference=words)
        rows.append(row)
    rows = [_with_causes(row, rows[:1], found) for row in rows]
    return Comparison(rows=tuple(rows), network=quality.difference)
