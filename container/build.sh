#!/bin/sh
# Build a container image beside this file, from any folder; --help says what it takes.
exec "${PYTHON:-python3}" -B "$(dirname "$0")/build.py" "$@"
