"""What a marker keeps of the program that made its products, to explain other bytes later."""

import functools
import platform
from typing import Any

from harness.code_version import SOURCES, CodeVersion, code_version
from harness.engine.find import resolve
from harness.packages import installed
from harness.settings.variables import Settings
from harness.text import shortened

SHOWN = 10  # names of changed files


def made_with(settings: Settings, *, asks: bool) -> dict[str, Any]:
    """Recipe, data set, Python, changed sources, and packages: the image's where an engine in one was asked.

    Of a stage that `asks` no engine it is not looked for: there need not be one.
    """
    code = own_code()
    of_image = resolve(settings).packages if asks else {}
    return {
        "recipe": settings.recipe.name,
        "dataset": settings.dataset.name,
        "python": platform.python_version(),
        "packages": dict(of_image or installed()),
        "sources_changed": code.doubt or shortened(code.changed, shown=SHOWN),
    }


@functools.cache
def own_code() -> CodeVersion:
    """The commit of this program, which stays while it runs, and what was changed since."""
    return code_version(SOURCES)
