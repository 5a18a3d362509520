#!/bin/bash
#SBATCH --job-name=jamcam-R-1
#SBATCH --account=proj-123
#SBATCH --qos=standard
#SBATCH --partition=gpu-a100-40
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:1
#SBATCH --time=8:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ws/.jobs/R/slurm-1.log

# Tursa, EPCC (DiRAC)
trap '' USR1  # a warning before there is anything to stop
cd -- /checkout
# Takes the place of the shell, so that Slurm's warning ahead of the time limit reaches it.
exec /venv/bin/python -m harness inside /scratch/ws/.jobs/R 1 all --recipe=jamcam --platform=tursa --workspace=/scratch/ws
