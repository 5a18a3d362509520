"""`python -m yolo_v4`."""

import sys

from yolo_v4.cli import main

sys.exit(main())
