"""`python -m probe`."""

import sys

try:
    from probe.cli import main
except ImportError as error:
    sys.exit(f"probe: {error}\n  try: pip install psutil nvidia-ml-py")

if __name__ == "__main__":
    sys.exit(main())
