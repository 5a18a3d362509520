#!/bin/bash
#SBATCH --job-name=jamcam-R-1
#SBATCH --partition=small
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:1
#SBATCH --time=1-00:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ws/.jobs/R/slurm-1.log

# JADE2, Hartree Centre and Oxford (Tier 2)
trap '' USR1  # a warning before there is anything to stop
. /etc/profile.d/modules.sh
export TMPDIR="/raid/local_scratch/$USER/$SLURM_JOB_ID"
mkdir -p "$TMPDIR" || unset TMPDIR
cd -- /checkout
# Takes the place of the shell, so that Slurm's warning ahead of the time limit reaches it.
exec /venv/bin/python -m harness inside /scratch/ws/.jobs/R 1 all --recipe=jamcam --platform=jade --workspace=/scratch/ws
