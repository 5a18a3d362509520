#!/bin/bash
#SBATCH --job-name=jamcam-R-1
#SBATCH --account=proj-123
#SBATCH --partition=gpu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:ampere_a100:1
#SBATCH --cpus-per-task=42
#SBATCH --mem-per-cpu=3850
#SBATCH --time=8:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ws/.jobs/R/slurm-1.log

# Sulis, Warwick (HPC Midlands+, Tier 2)
trap '' USR1  # a warning before there is anything to stop
export TMPDIR="/tmp"
mkdir -p "$TMPDIR" || unset TMPDIR
cd -- /checkout
# Takes the place of the shell, so that Slurm's warning ahead of the time limit reaches it.
exec /venv/bin/python -m harness inside /scratch/ws/.jobs/R 1 all --recipe=jamcam --platform=sulis --workspace=/scratch/ws
