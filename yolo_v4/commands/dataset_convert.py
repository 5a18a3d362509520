"""`yolo_v4 dataset_convert`: KITTI labels into TFRecords, with TAO's console text and status.json."""

import argparse
import sys
from pathlib import Path

from yolo_v4.data.convert import Converter
from yolo_v4.data.narrator import Narrator, line
from yolo_v4.spec.conversion import Conversion, load_conversion
from yolo_v4.status import StatusLog, reported, status_path

STARTED = "Starting Object Detection Dataset Convert."


def run(args: argparse.Namespace) -> None:
    """Convert labels into records. Raises DetectorError: the spec or the data are refused."""
    path = status_path(args.results_dir)
    status = StatusLog(path, append=False, echo=line if path else None)
    with reported(status, started=STARTED, failed="Dataset convert was interrupted."):
        conversion = load_conversion(Path(args.dataset_export_spec))
        narrator = Narrator(status, verbose=args.verbose)
        frames = Converter(conversion, args.output_filename, narrator).run()
        status.write("SUCCESS", "Dataset convert finished successfully.")
    if not frames:
        _warn_of_no_frames(conversion)


def _warn_of_no_frames(conversion: Conversion) -> None:
    folder = conversion.root / conversion.image_folder
    endings = sorted({path.suffix for path in folder.glob("*.*")})
    found = f"files that end in {', '.join(endings)}" if endings else "no files"
    print(
        f'warning: no image in {folder} ends in "{conversion.image_extension}"; it has {found}; '
        "no records were written\n"
        "  try: set image_dir_name and image_extension (with its dot)",
        file=sys.stderr,
    )
