# Sourced by demo and run: makes a Debian machine able to run the project. Every step is safe to repeat and
# does nothing where its work is done already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH:/usr/sbin:/sbin"

scratch=$(mktemp --directory)
engine=

clean_up() {
  if [ -n "$engine" ]; then
    kill "$engine" && wait "$engine" || true
  fi
  rm --recursive --force --one-file-system "$scratch"
}
trap clean_up EXIT

install_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
  fi
}

# The project and its tools in .venv, at the versions of constraints.txt.
install_project() {
  local wanted
  wanted=$(sha256sum pyproject.toml constraints.txt)
  if [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip --disable-pip-version-check install -qq --constraint constraints.txt --editable '.[dev]'
    echo "$wanted" >.venv/installed
  fi
}

# A Docker engine: the one that answers, or one that lives as long as this script.
start_engine() {
  if docker version >/dev/null 2>&1; then return; fi
  # What an engine that was killed has left would keep the next from starting.
  if ! pgrep -x dockerd >/dev/null; then rm --force /var/run/docker.pid; fi
  dockerd >"$scratch/dockerd.log" 2>&1 &
  engine=$!
  for _ in $(seq 60); do
    if docker version >/dev/null 2>&1; then return; fi
    if ! kill -0 "$engine" 2>/dev/null; then break; fi
    sleep 1
  done
  echo "the Docker engine did not start:" >&2
  tail --lines=20 "$scratch/dockerd.log" >&2
  return 1
}

# The image that docker/Dockerfile starts from, made of packages rather than pulled.
make_base_image() {
  if docker image inspect debian:bookworm-slim >/dev/null 2>&1; then return; fi
  debootstrap --variant=minbase bookworm "$scratch/debian" >"$scratch/debootstrap.log" 2>&1 ||
    { tail --lines=20 "$scratch/debootstrap.log" >&2 && return 1; }
  tar --directory="$scratch/debian" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' \
    --create . | docker import - debian:bookworm-slim >/dev/null
}

# The file of certificate authorities that pip trusts on this machine, if it was told one.
certificates() {
  local file=${PIP_CERT:-${SSL_CERT_FILE:-$(pip config get global.cert 2>/dev/null || true)}}
  if [ -f "$file" ]; then echo "$file"; fi
}

# Builds of images trust them too.
share_certificates() {
  local file
  file=$(certificates)
  if [ -n "$file" ]; then cp "$file" docker/certs/machine.crt; fi
}

# The programs of others that tests/strangers lets loose on the server.
install_strangers() {
  NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$(certificates)} python -m tests.strangers.npm install
}
