"""Python that draws no learning curve, for a PYTHONPATH: it takes a second of every run that trains."""

import sys


class Hide:
    """Finds nothing else, and of this module that it is not there."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "harness.report.learning_curve":
            raise ModuleNotFoundError("left out of this test", name=name)


sys.meta_path.insert(0, Hide)
