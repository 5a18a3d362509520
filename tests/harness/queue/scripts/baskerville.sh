#!/bin/bash
#SBATCH --job-name=jamcam-R-1
#SBATCH --account=proj-123
#SBATCH --qos=turing
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=36
#SBATCH --time=8:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ws/.jobs/R/slurm-1.log

# Baskerville, University of Birmingham (Tier 2)
trap '' USR1  # a warning before there is anything to stop
# Before anything is printed: it tells when an earlier start, if it was killed, was last heard of.
export JOB_LOG_CHANGED_UNIX_S="$(stat -c %Y -- /scratch/ws/.jobs/R/slurm-1.log 2> /dev/null)"
if ! type -t module > /dev/null; then
  for profile in /etc/profile.d/*modules*.sh /etc/profile.d/*lmod*.sh; do
    if [ -r "$profile" ]; then . "$profile"; fi
  done
fi
failed() {
  if [ "${#BASH_SOURCE[@]}" -gt 2 ]; then return; fi
  mapfile -t -s "$((BASH_LINENO[0] - 1))" -n 1 line < "$0"
  printf '%s (status %s)\n' "$line" "$1" > /scratch/ws/.jobs/R/unprepared-1.txt
  printf 'jamcam: nothing was run, since this line failed with status %s: %s\n' "$1" "$line" >&2
  exit 1
}
trap 'failed $?' ERR
module purge
module load baskerville
export TMPDIR="/tmp"
mkdir -p "$TMPDIR" || unset TMPDIR
cd -- /checkout
# Takes the place of the shell, so that Slurm's warning ahead of the time limit reaches it.
exec /venv/bin/python -m harness inside /scratch/ws/.jobs/R 1 all --recipe=jamcam --platform=baskerville --workspace=/scratch/ws
