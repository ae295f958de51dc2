#!/bin/sh
# python.sh NAME: makes the virtual environment build/python/NAME of requirements_NAME.txt, anew when
# that has changed.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
name=$1
requirements=$folder/requirements_$name.txt
venv=$folder/../../build/python/$name

if ! cmp -s "$requirements" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-deps --disable-pip-version-check -r "$requirements"
  "$venv/bin/pip" check
  # Last, so that what was only begun is done again.
  cp "$requirements" "$venv/installed.txt"
fi
