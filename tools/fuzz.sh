#!/bin/sh
# fuzz.sh [NAME [SECONDS]]: builds the fuzz targets (preset `fuzz`: clang, libFuzzer, ASan+UBSan)
# and runs one or all of them, one at a time. NAME `all` is every target. Without SECONDS it is
# HOLDFAST_FUZZ_SECONDS, or 60.
#
# New inputs are kept in build/fuzz/corpus/NAME, findings in build/fuzz/findings. A finding ends
# the run with status 1; put its file into fuzz/corpus/NAME with the fix.
set -eu
cd "$(dirname "$0")/.."

name=${1:-all}
seconds=${2:-${HOLDFAST_FUZZ_SECONDS:-60}}
build=build/fuzz
case $seconds in '' | *[!0-9]*) echo "fuzz.sh: SECONDS is a number" >&2; exit 2 ;; esac

if [ "$name" = all ]; then
  targets=$(sed -n 's/^ *add_fuzz_target(\([a-z0-9_]*\).*/\1/p' fuzz/CMakeLists.txt)
else
  [ -f "fuzz/$name.cc" ] || { echo "fuzz.sh: no target '$name'" >&2; exit 2; }
  targets=$name
fi

[ -f $build/build.ninja ] || cmake --preset fuzz >/dev/null
# shellcheck disable=SC2046
ninja -C $build $(printf 'fuzz_%s ' $targets)

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0
export UBSAN_OPTIONS=print_stacktrace=1
if command -v llvm-symbolizer-16 >/dev/null; then ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-16); export ASAN_SYMBOLIZER_PATH; fi
failed=""
for target in $targets; do
  mkdir -p $build/corpus/$target $build/findings
  dictionary=""
  [ -f fuzz/$target.dict ] && dictionary="-dict=fuzz/$target.dict"
  echo "== $target, $seconds s"
  # One input may take 20 s and 2 GiB; what needs more is a finding.
  # shellcheck disable=SC2086
  nice -n 15 $build/fuzz/fuzz_$target $build/corpus/$target fuzz/corpus/$target $dictionary \
    -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
    -artifact_prefix=$build/findings/$target- -print_final_stats=1 -verbosity=0 || failed="$failed $target"
done
[ -z "$failed" ] || { echo "fuzz.sh: findings in$failed (see $build/findings)" >&2; exit 1; }
