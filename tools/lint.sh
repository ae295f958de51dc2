#!/bin/sh
# lint.sh [--fix] [--tidy-all] [BUILD]: format, rooms, style, headers alone, clang-tidy.
#
# clang-tidy takes seconds a file, so by default it reads the C++ files that differ from the last
# commit and those of the last commit; --tidy-all reads all. --fix formats in place. BUILD is a
# configured build folder (default build/release).
set -eu
cd "$(dirname "$0")/.."

fix=0
tidy_all=0
build=build/release
for argument in "$@"; do
  case $argument in
    --fix) fix=1 ;;
    --tidy-all) tidy_all=1 ;;
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

# Sources that the build compiles; clang-tidy needs their flags. Highway's sources compile
# themselves once per target with macros that clang-tidy cannot follow, so kernels' are left out.
tidy_files() {
  if [ $tidy_all = 1 ]; then
    cpp_files
  else
    { git diff --name-only HEAD; git ls-files --others --exclude-standard; git show --name-only --format= HEAD; } 2>/dev/null
  fi | grep -E '^(src|apps|tools)/.*\.cc$' | grep -v '^src/kernels/' | sort -u | while read -r file; do
    if [ -f "$file" ] && grep -q "\"$PWD/$file\"\|\"[^\"]*/$file\"" "$build/compile_commands.json"; then echo "$file"; fi
  done
}

tidy() {
  files=$(tidy_files)
  [ -n "$files" ] || { echo "lint: clang-tidy has no changed files to read"; return 0; }
  echo "$files" | xargs -P "$(nproc)" -n 1 clang-tidy-16 --quiet -p "$build" 2>/dev/null
}

run format format
ninja -C "$build" check_rooms check_style >/dev/null
run rooms "$build/tools/check_rooms" .
run style "$build/tools/check_style" .
run headers ninja -C "$build" --quiet header_check
run clang-tidy tidy
exit $failed
