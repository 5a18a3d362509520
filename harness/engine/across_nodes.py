"""The words in front of the portable engine that train on several machines of a Slurm job."""


def across_nodes(nodes: int, gpus: int, python: str) -> tuple[str, ...]:
    """What stands in front of `-m yolo_v4` so that it trains on `nodes` machines of the job with `gpus` GPUs each."""
    # One launcher a node; they meet at the job's first node, whose name only the job knows.
    meet = '"$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)":$((20000 + SLURM_JOB_ID % 10000))'
    # Since 22.05 srun takes a job's CPUs per task only where it is told to, else one.
    cpus = "${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}"
    launcher = (
        f'exec srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 {cpus} "$0" -m torch.distributed.run '
        f"--nnodes={nodes} --nproc-per-node={gpus} --rdzv-id=$SLURM_JOB_ID --rdzv-backend=c10d "
        f'--rdzv-endpoint={meet} "$@"'
    )
    return ("sh", "-c", launcher, python)
