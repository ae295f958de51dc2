#!/bin/sh
# lint.sh [--fix] [BUILD]: format, rooms, style, every header alone, types of the page, clang-tidy.
#
# BUILD is a folder configured with preset `lint` (default build/lint). There clang-tidy reads every
# source before it is compiled, so the first run takes long and the next ones read what changed.
# --fix formats in place.
set -eu
cd "$(dirname "$0")/.."

fix=0
build=build/lint
for argument in "$@"; do
  case $argument in
    --fix) fix=1 ;;
    -*) echo "lint.sh: unknown option $argument" >&2; exit 2 ;;
    *) build=$argument ;;
  esac
done
[ -f "$build/build.ninja" ] || { echo "lint.sh: $build is not configured" >&2; exit 2; }

failed=0
run() { # run NAME COMMAND...: goes on after a failure, and remembers it.
  name=$1
  shift
  if "$@"; then echo "lint: $name: ok"; else echo "lint: $name: FAILED"; failed=1; fi
}

cpp_files() { find src apps tests bench fuzz tools -name node_modules -prune -o \( -name '*.cc' -o -name '*.h' \) -print | sort; }

format() {
  if [ $fix = 1 ]; then cpp_files | xargs clang-format-16 -i; else cpp_files | xargs clang-format-16 --dry-run -Werror; fi
}

check() { # check NAME: builds and runs tools/check_NAME.
  ninja -C "$build" --quiet "check_$1" && "$build/tools/check_$1" .
}

run format format
run rooms check rooms
run style check style
run asvs check asvs
run page npm --prefix web --silent run check
run headers ninja -C "$build" --quiet -k 0 header_check
run clang-tidy ninja -C "$build" -k 0
exit $failed
