#!/usr/bin/env bash
# A Slurm of this machine alone, in one folder: start.sh start|stop|env FOLDER
#   start  begins it anew, with two nodes n1 and n2 of 2 CPUs and 2 make-believe GPUs each, whatever the machine has
#   stop   ends its daemons, and with them its jobs
#   env    prints what a shell needs to use it: eval "$(tests/slurm/start.sh env FOLDER)"
# As root. Where Slurm is missing it is installed from the distribution (Debian, Ubuntu); nothing else of the system is
# touched: configuration, key, state and logs are in the folder. There are no cgroups, hence memory is only counted, and
# no accounting, hence `sacct` does not answer.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,9p' "$0" | sed 's/^# \?//' >&2; exit 2; }
command=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
export SLURM_CONF=$folder/slurm.conf
ports=${SLURM_TEST_PORTS:-26817} # the first of four
nodes="n1 n2"

end() { # ends the daemon whose process is in the file, and waits for it
  local pid
  [ -s "$1" ] || return 0
  pid=$(cat "$1")
  rm -f "$1"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
}

stop() {
  if [ -s "$folder/slurmctld.pid" ]; then scancel --user="$(id -un)" 2>/dev/null || true; fi
  for node in $nodes; do end "$folder/slurmd.$node.pid"; done
  end "$folder/slurmctld.pid"
  end "$folder/munged.pid"
  # Without cgroups Slurm loses sight of a process whose parent has ended; those of its jobs are known by their variables.
  local process
  for process in /proc/[0-9]*; do
    if grep -qsz "^SLURM_CONF=$SLURM_CONF$" "$process/environ" && grep -qsz '^SLURM_JOB_ID=' "$process/environ"; then
      kill -9 "${process#/proc/}" 2>/dev/null || true
    fi
  done
}

configure() {
  mkdir -p "$folder/bin" "$folder/munge"
  chmod 700 "$folder/munge"
  [ -s "$folder/munge/key" ] || (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
  echo 'IgnoreSystemd=yes' >"$folder/cgroup.conf"
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$ports
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/state/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
KillWait=5
InactiveLimit=0
GresTypes=gpu
NodeName=n1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((ports + 1)) CPUs=2 RealMemory=8000 Gres=gpu:2
NodeName=n2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((ports + 2)) CPUs=2 RealMemory=8000 Gres=gpu:2
PartitionName=one Nodes=n1 Default=YES MaxTime=INFINITE State=UP
PartitionName=other Nodes=n2 MaxTime=INFINITE State=UP
PartitionName=two Nodes=n1,n2 PriorityTier=2 MaxTime=INFINITE State=UP
CONF
  # Snakemake's plugin calls srun in a job without the variables that begin with SLURM_, and so without this one.
  printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(PATH=/usr/local/bin:/usr/bin:/bin command -v srun)" >"$folder/bin/srun"
  chmod +x "$folder/bin/srun"
  # Devices that every Linux has, so that there is something to share out.
  printf 'NodeName=%s Name=gpu File=/dev/%s\n' n1 null n1 zero n2 null n2 zero >"$folder/gres.conf"
}

start() {
  local program
  for program in slurmctld slurmd munged sinfo; do
    if ! command -v "$program" >/dev/null; then
      echo 'Installing slurm-wlm and munge'
      export DEBIAN_FRONTEND=noninteractive
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
      break
    fi
  done
  stop
  configure
  rm -rf "${folder:?}/state" "${folder:?}/log"
  mkdir -p "$folder/state/n1" "$folder/state/n2" "$folder/log"
  # --force: the folder may lie below one that others may write to, such as /tmp
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
  slurmctld
  for node in $nodes; do slurmd -N "$node"; done
  for _ in $(seq 300); do
    if [ "$(sinfo --noheader --Node --partition=two --format=%T 2>/dev/null | grep -cx idle)" -eq 2 ]; then return 0; fi
    sleep 0.1
  done
  sinfo --Node --long >&2 || true
  for log in "$folder"/log/*.log; do tail -n 20 "$log" >&2; done
  echo 'Slurm did not come up in 30 seconds' >&2
  exit 1
}

case $command in
  start) start ;;
  stop) stop ;;
  env) echo "export SLURM_CONF='$SLURM_CONF' PATH='$folder/bin':\"\$PATH\"" ;;
  *) echo "unknown command $command (start, stop, env)" >&2; exit 2 ;;
esac
