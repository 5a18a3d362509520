"""Which variables of the person who submits go into a job: those that make the site's, and no secrets.

Jobs are no login shells: those would read the person's own files, and on some systems set `PATH` anew.
The functions `module` and `ml` are therefore carried, as sbatch does by itself. Which modules are loaded is
not: `prepare` loads what a job needs.
"""

import re
from collections.abc import Mapping

NAMES = frozenset({
    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH",
    "XDG_CONFIG_HOME",  # where a person keeps additions to files of platforms
    "BASH_ENV",  # by which Lmod defines `module` in shells that are no login shells
})  # fmt: skip
PATTERNS = re.compile(
    r"(LMOD_|MODULE)\w+"
    # bash's way of exporting functions; _module_raw is a part of `module` in Environment Modules 4 and later.
    r"|BASH_FUNC_(module|ml|_module_raw|switchml)(%%|\(\))"
    r"|(?i:(https?|ftp|all|no)_proxy)"
    # All but what a container runtime says of the container that it has started.
    r"|(APPTAINER|SINGULARITY)_(?!(CONTAINER|NAME|ENVIRONMENT|COMMAND|APPNAME)$)\w+"
)
SECRET = re.compile("KEY|TOKEN|PASS|SECRET|CREDENTIAL|AUTH|PEM", re.IGNORECASE)


def carried(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environ` that travel; settings are passed as options, secrets never."""
    return {name: value for name, value in environ.items() if _travels(name, value)}


def _travels(name: str, value: str) -> bool:
    if not (name in NAMES or PATTERNS.fullmatch(name)) or SECRET.search(name):
        return False
    return not (name.lower().endswith("_proxy") and "@" in value)  # a proxy's address may hold a password
