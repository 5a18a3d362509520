"""`python -m harness` is `jamcam`."""

import gc
import sys

from harness.cli import main

if __name__ == "__main__":
    status = main()
    gc.freeze()  # a last collection, of what ends with the process anyway, takes 4 ms and more
    sys.exit(status)
