"""How near a machine's limit the engine computes: its rate of operations over that of matrix products.

share = FLOP for a picture x pictures per second / (FLOP per second of matrix products x GPUs), in percent.
The engine counts the first (forward, and backward in training; a multiply-add is 2), and measures the second
as the best of ten square products in the number format that it used. More than 100 % is an error.
"""

from dataclasses import replace

from harness.measure.record import TRAINING, Measurement, Record, Run

SHARE = "matmul_share_pct"
ALL_PCT = 100.0
# Of each case that computes with the network: its throughput.
RATES = {
    "train": "train_images_per_s",
    "scaling": "train_images_per_s",
    "chain": "epoch_images_per_s",
    "evaluate": "images_per_s",
    "inference": "images_per_s",
}


def with_share(record: Record, run: Run) -> Run:
    """`run` of `record`, with its shares; one that cannot be right is not kept as a figure."""
    shares = [share for share in shares_pct(record, run) if share is None or share <= ALL_PCT]
    if not shares:
        return run
    return replace(run, measurements=(*run.measurements, Measurement(name=SHARE, values=tuple(shares))))


def shares_pct(record: Record, run: Run) -> list[float | None]:
    """The shares that a run reached, one for each of its rates, however large; empty: it is not known."""
    work, peak = (record.facts.get(name) for name in ("flops_per_image", "matmul_flops_per_s"))
    if not isinstance(work, int | float) or not isinstance(peak, int | float) or record.case not in RATES:
        return []
    on_gpu = record.facts.get("device") != "cpu"
    devices = int(record.conditions.get("gpus") or 1) * int(record.conditions.get("nodes") or 1)
    limit = peak * (devices if on_gpu and record.case in TRAINING else 1)  # the others compute on one
    rates = [one.values for one in run.measurements if one.name == RATES[record.case]]
    return [
        None if rate is None else round(100 * work * rate / limit, 3) for values in rates for rate in values
    ]


def largest_share_pct(record: Record) -> float | None:
    """The largest share of all runs; None where it is not known."""
    shares = [share for run in record.runs for share in shares_pct(record, run) if share is not None]
    return max(shares, default=None)
