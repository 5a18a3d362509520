"""What every stage shares: when it is done, why it is not, and how its products get into the workspace."""

from pathlib import Path
from typing import Any, ClassVar

import luigi

from harness.engine.find import resolve
from harness.engine.request import Engine, Request
from harness.files import digest_path, publish, remove, size_path
from harness.process.signals import Interrupted, die_with_parent
from harness.settings.variables import Settings
from harness.stages.attempt import Attempt
from harness.workspace.layout import Workspace
from harness.workspace.marker import (
    STAGES,
    Product,
    changes,
    digest_of,
    forget,
    product_faults,
    read_ingredients,
    read_marker,
    write_marker,
)

__all__ = ["Attempt", "Stage"]


class SettingsParameter(luigi.Parameter):
    """Settings as one luigi parameter; what luigi prints of it is short and holds no secret."""

    def serialize(self, x: Settings) -> str:
        return f"{x.recipe.name} in {x.workspace}"


class Stage(luigi.Task):
    """One stage of the workflow.

    A sub-class says `stage`, `revision` (raised by hand when its products change), `upstream`, and the methods
    `inputs`, `products` and `perform`; one that asks the engine says `asks = True` and offers `requests`, and one that
    fills a GPU says `uses_model = True`.
    """

    stage: ClassVar[str]
    revision: ClassVar[int]
    upstream: ClassVar[tuple[type["Stage"], ...]] = ()
    asks: ClassVar[bool] = False
    uses_model: ClassVar[bool] = False
    settings: Settings = SettingsParameter()  # type: ignore[assignment]
    _known_complete = False

    @property
    def priority(self) -> int:  # type: ignore[override]
        # Among stages that may run, luigi takes the one of highest priority: the order of the workflow.
        return -STAGES.index(self.stage)

    @property
    def resources(self) -> dict[str, int]:  # type: ignore[override]
        # Two models at once would not fit into one GPU; luigi has one of each resource unless told otherwise.
        return {"model": 1} if self.uses_model else {}

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
        """Who answers."""
        return resolve(self.settings)

    @property
    def workspace(self) -> Workspace:
        """Where everything lies."""
        return Workspace(self.settings.workspace)

    def requires(self) -> list["Stage"]:
        return [kind(settings=self.settings) for kind in self.upstream]

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(str(self.workspace.marker(self.stage)))

    def complete(self) -> bool:
        # luigi does not look beneath a complete task, so each stage looks at everything it depends on.
        # What was complete stays so within one run; luigi asks again and again.
        if not self._known_complete:
            self._known_complete = all(task.complete() for task in self.requires()) and not self.own_reasons()
        return self._known_complete

    def own_reasons(self) -> list[str]:
        """Why this stage must run, in words, given what lies upstream now; empty when it is done."""
        marker = read_marker(self.workspace, self.stage)
        if marker is None:
            return ["it has not been done"]
        ingredients = self.ingredients()
        if marker.fingerprint != digest_of(ingredients):
            return changes(read_ingredients(self.workspace, self.stage), ingredients)
        return product_faults(self.workspace, marker, deep=self.settings.deep)

    def ingredients(self) -> dict[str, Any]:
        """Everything that decides what comes out; its digest is the fingerprint."""
        table: dict[str, Any] = {"stage": self.stage, "revision": self.revision, "inputs": self.inputs()}
        table["consumed"] = self._consumed()
        if self.asks:
            identity = resolve(self.settings).identity
            table["engine"] = {"name": identity.name, "version": identity.version, "image": identity.image_digest}
        return table

    def _consumed(self) -> dict[str, str | None]:
        markers = {kind.stage: read_marker(self.workspace, kind.stage) for kind in self.upstream}
        return {stage: marker.outcome if marker else None for stage, marker in markers.items()}

    def run(self) -> None:
        die_with_parent()
        reasons = self.own_reasons()
        if not reasons:
            return  # A stage upstream was done again and came out the same.
        ingredients = self.ingredients()
        attempt = Attempt.begin(self.stage, fingerprint=digest_of(ingredients), settings=self.settings)
        attempt.say(f"starts: {'; '.join(reasons[:3])}")
        try:
            self.perform(attempt)
            self._publish(attempt, ingredients)
        except Interrupted as error:
            attempt.failed(error)
            raise SystemExit(128 + error.signal) from error
        except BaseException as error:
            attempt.failed(error)
            raise
        attempt.succeeded()

    def _publish(self, attempt: Attempt, ingredients: dict[str, Any]) -> None:
        products = []
        for path in self.products():
            staged = attempt.staged(path)
            if _is_empty(staged):
                raise attempt.fault(f"promised {path} and did not make it (looked at {staged})")
            products.append(Product(path=path, digest=digest_path(staged)))
        before = read_marker(self.workspace, self.stage)
        # From here to the new marker the stage is not done: a mix of old and new products must not pass for either.
        forget(self.workspace, self.stage)
        for product in products:
            publish(attempt.staged(product.path), self.workspace.path(product.path))
        kept = {product.path for product in products}
        for product in before.products if before else ():
            if product.path not in kept:
                remove(self.workspace.path(product.path))
        engine = resolve(self.settings).identity if self.asks else None
        marker = attempt.marker(tuple(products), ingredients["consumed"], engine)
        write_marker(self.workspace, marker, ingredients)


def _is_empty(path: Path) -> bool:
    size = size_path(path)
    # A folder of empty files is fine: labels of frames without objects.
    return size is None or size[0 if path.is_file() else 1] == 0
