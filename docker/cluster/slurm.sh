#!/usr/bin/env bash
# The server on a Ray cluster made of the nodes of one job; options go to `mlgym-mcp serve` (docs/cluster.md):
#
#   MLGYM_MCP_TOKEN=… sbatch --nodes=4 docker/cluster/slurm.sh --max-sessions 64
#
# To end it early, so that calls are answered and results kept: scancel --batch --signal=TERM JOB
#SBATCH --job-name=mlgym-mcp
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --output=mlgym-mcp-%j.log
# A lost node costs the sessions that were on it, not the job.
#SBATCH --no-kill
#SBATCH --no-requeue
# Two minutes for the end: what goes on (MLGYM_MCP_DRAIN_S), then the backup.
#SBATCH --signal=B:TERM@120
set -Eeuo pipefail

say() { echo "slurm.sh: $*" >&2; }
fail() { say "$*" && exit 1; }

# A node, until it is told to end. It is handed on as text, for the script itself lies on the first node only.
node() {
  bwrap --unshare-user --unshare-pid --unshare-net --ro-bind / / --dev /dev --proc /proc true ||
    fail "bubblewrap makes no sandbox on $SLURMD_NODENAME; there 'mlgym-mcp doctor' says why"
  [ "$(mlgym-mcp --version)" = "$version" ] ||
    fail "$SLURMD_NODENAME has $(mlgym-mcp --version), $head has $version; install the same on every node"
  ulimit -Sn "$(ulimit -Hn)"
  # Slurm's count; Ray would take all that the machine has.
  local cpus=$((SLURM_CPUS_ON_NODE > reserved ? SLURM_CPUS_ON_NODE - reserved : 0))
  exec ray start "$@" --num-cpus="$cpus" --temp-dir="$temporary" --disable-usage-stats --block
}

# A step of one task on each node that its options choose, beside whatever else runs there.
step=(srun --overlap --ntasks-per-node=1 --cpu-bind=none --kill-on-bad-exit=0)

# The same with `node`, and without that number of CPUs: `run_node 2 --nodes=1 -- --head`.
run_node() {
  local reserved=$1 where=()
  while shift && [ "$1" != -- ]; do where+=("$1"); done
  shift
  exec "${step[@]}" "${where[@]}" bash -c \
    "$(declare -f say fail node); $(declare -p head reserved temporary version); node \"\$@\"" node "$@"
}

all_live() {
  for process in "$server" "${nodes[@]}"; do kill -0 "$process" 2>/dev/null || return 1; done
}

finish() {
  trap '' TERM INT
  if [ -n "${server:-}" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
    mlgym-mcp backup "$kept" || say "no backup was made; the data folder is $MLGYM_MCP_DATA_DIR on $head"
  fi
  # The head last: the others tell it that they go.
  for node in "${nodes[@]: -1}" "${nodes[@]:0:1}"; do
    kill "$node" 2>/dev/null || true
    wait "$node" || true
  done
  "${step[@]}" rm --recursive --force "$temporary" || true
}

[ -n "${SLURM_JOB_ID:-}" ] || fail "this is no job of Slurm; start it by: sbatch docker/cluster/slurm.sh"
for program in bwrap mlgym-mcp ray srun; do
  command -v "$program" >/dev/null ||
    fail "$program is not on the PATH of $SLURMD_NODENAME; docs/cluster.md says what every node needs"
done

head=$SLURMD_NODENAME
address=$head:$((20000 + SLURM_JOB_ID % 10000))
patience=120
temporary=/tmp/ray-$SLURM_JOB_ID
kept=$SLURM_SUBMIT_DIR/mlgym-mcp-$SLURM_JOB_ID
version=$(mlgym-mcp --version)
home=${MLGYM_MCP_HOME:-/tmp/mlgym-mcp-$(id --user)}
# On the disk of each node: SQLite and locks don't go well with file systems of several machines.
export MLGYM_MCP_DATA_DIR=$home/data MLGYM_MCP_CACHE_DIR=$home/cache
# Ray lets whoever reaches its ports run code: here those who know this job's secret.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
export RAY_gcs_rpc_server_reconnect_timeout_s=600  # seconds that nodes and server go on without the head
RAY_AUTH_TOKEN=$(od --address-radix=n --format=x1 --read-bytes=32 /dev/urandom | tr --delete ' \n')

nodes=()
trap finish EXIT
trap 'exit 0' TERM INT

# Two CPUs of the head's node are left to Ray's head and the server.
run_node 2 --nodes=1 --nodelist="$head" -- --head --port="${address##*:}" --include-dashboard=false &
nodes+=($!)
SECONDS=0
until ray health-check --address "$address" >/dev/null 2>&1; do
  kill -0 "${nodes[0]}" 2>/dev/null || fail "Ray's head did not start on $head"
  ((SECONDS < patience)) || fail "Ray's head does not answer at $address within $patience s: is $head a name to others?"
done
if ((SLURM_JOB_NUM_NODES > 1)); then
  run_node 0 --nodes=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" -- --address="$address" &
  nodes+=($!)
fi

mlgym-mcp serve --http --host "${MLGYM_MCP_HOST:-0.0.0.0}" --sandbox ray --ray-address "$address" "$@" &
server=$!
# bash misses a signal that comes just as it begins to wait: it looks up now and then.
while all_live; do
  sleep 5 &>/dev/null &
  wait -n || true
done
fail "the server, Ray's head or all of the other nodes ended by themselves"
