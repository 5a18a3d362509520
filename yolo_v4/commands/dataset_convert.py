"""`yolo_v4 dataset_convert`: KITTI labels into TFRecords, with TAO's console text and status.json."""

import argparse
import sys
from pathlib import Path

from yolo_v4.data.convert import Converter
from yolo_v4.data.narrator import Narrator, line
from yolo_v4.spec.conversion import load_conversion
from yolo_v4.status import StatusLog, reported, status_path

STARTED = "Starting Object Detection Dataset Convert."


def run(args: argparse.Namespace) -> None:
    """Convert. Raises DetectorError: the spec or the data are refused."""
    path = status_path(args.results_dir)
    status = StatusLog(path, append=False, echo=line if path else None)
    with reported(status, started=STARTED, failed="Dataset convert was interrupted."):
        conversion = load_conversion(Path(args.dataset_export_spec))
        narrator = Narrator(status, verbose=args.verbose)
        frames = Converter(conversion, args.output_filename, narrator).run()
        status.write("SUCCESS", "Dataset convert finished successfully.")
    if not frames:
        folder, ending = conversion.root / conversion.image_folder, conversion.image_extension
        others = ", ".join(sorted({path.suffix for path in folder.glob("*.*")}))
        found = f"files that end in {others}" if others else "no files"
        words = f'no image in {folder} ends in "{ending}"; it has {found}; no records were written'
        print(
            f"warning: {words}\n  try: set image_dir_name and image_extension (with its dot)", file=sys.stderr
        )
