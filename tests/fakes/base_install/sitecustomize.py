"""Python without matplotlib and pandas, as without the extra `report`; for a PYTHONPATH."""

import importlib.metadata
import sys

HIDDEN = {"matplotlib", "mpl_toolkits", "pandas"}
from_name = importlib.metadata.Distribution.from_name


class Hide:
    """Finds nothing else, and of these that they are not there."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    @staticmethod
    def find_distributions(context):
        return ()


def known(name):
    if name in HIDDEN:
        raise importlib.metadata.PackageNotFoundError(name)
    return from_name(name)


sys.meta_path.insert(0, Hide)
importlib.metadata.Distribution.from_name = known
