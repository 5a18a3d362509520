"""What every stage shares: when it is done, why it is not, and how its products get into the workspace."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness.engine.find import resolve
from harness.engine.request import Engine, Request
from harness.engine.spec_text import canonical
from harness.errors import StageFailed
from harness.settings.variables import Settings
from harness.stages.attempt import Attempt
from harness.stages.experiment import Experiment
from harness.text import shortened
from harness.workspace.kept import KeptSet, find, install, put
from harness.workspace.layout import PRODUCTS, Workspace
from harness.workspace.marker import Marker, changes, digest_of, is_digest_of, why_no_marker
from harness.workspace.snapshot import Snapshot

__all__ = ["Attempt", "Stage"]


class Stage:
    """One stage of the workflow, as the workspace stands now.

    A sub-class says `name`, `revision` (raised by hand when its products change), `upstream`, and the methods
    `inputs`, `products` and `perform`; one that asks the engine says `asks = True` and offers `requests`,
    one that fills a GPU says `uses_model = True`, one that runs beside the next stage `beside_next = True`.

    Args:
        snapshot: what is known of the workspace already; without one the stage looks for itself.
    """

    name: ClassVar[str]
    revision: ClassVar[int]
    upstream: ClassVar[tuple[type["Stage"], ...]] = ()
    asks: ClassVar[bool] = False
    uses_model: ClassVar[bool] = False
    beside_next: ClassVar[bool] = False

    def __init__(self, settings: Settings, snapshot: Snapshot | None = None) -> None:
        self.settings = settings
        self.workspace = Workspace(settings.workspace)
        self.snapshot = snapshot or Snapshot(self.workspace)
        self.experiment = Experiment(settings, self.snapshot)

    def inputs(self) -> dict[str, Any]:
        """JSON-able parameters that decide what comes out."""
        return {}

    def products(self) -> tuple[str, ...]:
        """Files and folders this stage promises, relative to the workspace."""
        raise NotImplementedError

    def perform(self, attempt: Attempt) -> None:
        """Write every product to `attempt.staged(product)`; never into the workspace itself."""
        raise NotImplementedError

    def requests(self, folder: Path) -> tuple[Request, ...]:
        """What would be asked of the engine, in order, by an attempt in `folder`."""
        return ()

    def commands(self, folder: Path) -> tuple[tuple[str, ...], ...]:
        """Every program that an attempt in `folder` would run."""
        return tuple(self.engine().argv(request) for request in self.requests(folder))

    def engine(self) -> Engine:
        """The engine that answers the requests."""
        return resolve(self.settings)

    def own_reasons(self) -> list[str]:
        """Why this stage must run, in words, given what lies upstream now; empty when it is done."""
        marker = self.snapshot.marker(self.name)
        if marker is None:
            return [why_no_marker(self.workspace, self.name)]
        ingredients = self.ingredients()
        if marker.fingerprint != digest_of(ingredients):
            kept: Mapping[str, Any] = self.snapshot.ingredients(self.name)
            is_known = is_digest_of(marker.fingerprint, kept)
            kept = self.as_now(kept, marker)
            if not is_known or not _differ_in_comments_alone(kept, ingredients):
                return changes(kept, ingredients, meaning=canonical)
        return self.snapshot.product_changes(marker, deep=self.settings.deep)

    def ingredients(self) -> dict[str, Any]:
        """Everything that decides what comes out; its digest is the fingerprint."""
        upstream = {kind.name: self.snapshot.marker(kind.name) for kind in self.upstream}
        table: dict[str, Any] = {"stage": self.name, "revision": self.revision, "inputs": self.inputs()}
        table["consumed"] = {name: marker.outcome if marker else None for name, marker in upstream.items()}
        if self.asks:
            identity = self.engine().identity
            table["engine"] = {
                "name": identity.name,
                "version": identity.version,
                "image": identity.image_digest,
            }
        return table

    def as_now(self, ingredients: Mapping[str, Any], marker: Marker) -> Mapping[str, Any]:
        """What `marker` was made with, in words of today; a stage says where other words mean the same."""
        return ingredients

    def canonical_fingerprint(self) -> str:
        """The fingerprint, had the specs neither comments nor blanks."""
        return digest_of(_with_canonical_specs(self.ingredients()))

    def run(self, run_id: str = "") -> None:
        """Do the stage unless it is done: a stage upstream may have been done again and come out the same.

        Args:
            run_id: of the run that this is part of, which its attempt notes.

        Raises:
            BaseException: what `perform` raises; the attempt's outcome says it, too.
        """
        reasons = self.own_reasons()
        if not reasons:
            return
        self._refuse_links()
        ingredients = self.ingredients()
        attempt = Attempt.begin(
            self.name,
            fingerprint=digest_of(ingredients),
            canonical_fingerprint=self.canonical_fingerprint(),
            settings=self.settings,
            run_id=run_id,
        )
        more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        attempt.say(f"starting: {'; '.join(reasons[:3])}{more}")
        try:
            taken_back = self._take_back(attempt, ingredients)
            if not taken_back:
                self.perform(attempt)
                self._publish(attempt, ingredients)
        except BaseException as error:
            attempt.failed(error)
            raise
        attempt.succeeded(self.products(), taken_back=taken_back)

    def lying_aside(self) -> KeptSet | None:
        """What was made with these settings before and lies aside; None where there is none."""
        wanted = self.ingredients()
        return find(
            self.workspace,
            self.name,
            digest_of(wanted),
            lambda kept: (
                kept.marker is not None
                and _differ_in_comments_alone(self.as_now(kept.ingredients, kept.marker), wanted)
            ),
        )

    def _take_back(self, attempt: Attempt, ingredients: dict[str, Any]) -> bool:
        kept = self.lying_aside()
        if kept is None or kept.marker is None:
            self._foretell(attempt)
            return False
        place = kept.folder.relative_to(self.workspace.root)
        if damage := kept.damage():
            attempt.say(f"{place} is not taken back: {damage}")
            self._foretell(attempt)
            return False
        attempt.say(f"takes back what it made with these settings, done {kept.marker.finished_utc}: {place}")
        self._install(attempt, kept.folder, kept.marker, kept.ingredients or ingredients)
        return True

    def _foretell(self, attempt: Attempt) -> None:
        """Say what will be set aside, before hours are spent on what takes its place."""
        before = self.snapshot.marker(self.name)
        if before and before.fingerprint != attempt.fingerprint:
            names = shortened([product.path for product in before.products])
            attempt.say(f"what other settings made stays until this is done, and is then set aside: {names}")

    def _refuse_links(self) -> None:
        """Nothing is written, replaced or removed where a folder on the way leads out of the workspace."""
        room = self.workspace
        places = [room.path(product) for product in self.products()]
        places += [folder / "NEW" for folder in (room.attempts / self.name, room.kept(self.name))]
        for place in (*places, room.marker_inputs(self.name)):
            if link := room.link_before(place):
                again = self.settings.command(self.name)
                raise StageFailed(
                    f"{self.name}: {link} is a link to {link.readlink()}, and {self.name} would write there",
                    remedy=f"put a folder in its place (only {room.root}/NAME may be a link), then: {again}",
                )

    def _publish(self, attempt: Attempt, ingredients: dict[str, Any]) -> None:
        products = attempt.made(self.products())
        engine = self.engine().identity if self.asks else None
        marker = attempt.marker(products, ingredients["consumed"], engine)
        folder = put(self.workspace, attempt.folder / PRODUCTS, marker, ingredients)
        self._install(attempt, folder, marker, ingredients)

    def _install(self, attempt: Attempt, folder: Path, marker: Marker, ingredients: dict[str, Any]) -> None:
        before = self.snapshot.marker(self.name)
        if aside := install(self.workspace, folder, marker, ingredients):
            until = "comes back with its settings" if before else "is of settings that nobody knows"
            attempt.say(f"what was made before is in {aside.relative_to(self.workspace.root)}, and {until}")


def _differ_in_comments_alone(kept: Mapping[str, Any], ingredients: Mapping[str, Any]) -> bool:
    """Whether two sets of ingredients differ only in what changes nothing in a spec.

    Fingerprints are made of the whole text of specs, as ever: so markers stay valid in both directions.
    """
    return _with_canonical_specs(kept) == _with_canonical_specs(ingredients)


def _with_canonical_specs(ingredients: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs = ingredients.get("inputs")
    if not isinstance(inputs, dict):
        return ingredients
    specs = {name: text for name, text in inputs.items() if name.partition("_")[0] == "spec"}
    meant = {name: canonical(text) for name, text in specs.items() if isinstance(text, str)}
    return {**ingredients, "inputs": {**inputs, **meant}}
