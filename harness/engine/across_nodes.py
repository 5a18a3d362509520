"""The command that starts the portable engine on several machines of a Slurm job."""


def across_nodes(nodes: int, gpus: int, python: str) -> tuple[str, ...]:
    """The prefix of `-m yolo_v4` that trains on `nodes` machines of the job with `gpus` GPUs each."""
    # One launcher a node; their rendezvous is the job's first node, whose name is known only inside the job.
    endpoint = (
        '"$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)":$((20000 + SLURM_JOB_ID % 10000))'
    )
    # Since 22.05 srun takes a job's CPUs per task only where it is told to, else one.
    cpus = "${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}"
    launcher = (
        f"exec srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 {cpus} "
        '"$0" -m torch.distributed.run '
        f"--nnodes={nodes} --nproc-per-node={gpus} --rdzv-id=$SLURM_JOB_ID --rdzv-backend=c10d "
        f'--rdzv-endpoint={endpoint} "$@"'
    )
    return ("sh", "-c", launcher, python)
