# Compiler, linker and warning settings that hold for every target.

option(HOLDFAST_TESTS "Build the tests" ON)
option(HOLDFAST_FUZZ "Build the fuzz targets (clang only)" OFF)
option(HOLDFAST_BENCH "Build the benchmarks" OFF)
option(HOLDFAST_TIDY "Read each source with clang-tidy before it is compiled" OFF)
set(HOLDFAST_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for example address,undefined")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# All symbols are bound at the start, and their table is read-only from then on. A call that is bound
# at its first use saves all vector registers on the stack, with what was copied last in them: that
# was a question once.
add_link_options(-Wl,-z,relro,-z,now)
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Werror -Wno-psabi)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports false positives of these in inlined library code at -O2.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds
                      -Wno-restrict -Wno-dangling-pointer)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

if(HOLDFAST_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Asio's fences, which gcc's ThreadSanitizer does not model and warns of.
  add_compile_options(-Wno-tsan)
endif()
if(HOLDFAST_SANITIZE)
  # The check of vptr asks the kernel for a pipe, and calls an object broken where a test has left no
  # descriptor for one.
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
endif()

if(HOLDFAST_FUZZ)
  # Every room reports its branches to libFuzzer; the targets link its main.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(HOLDFAST_TIDY)
  # Reading takes seconds a file, so it is a part of compiling: a source is read again when it, a
  # header of it, its flags or the settings changed. The settings stand in the command with their
  # digest for that.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/.clang-tidy)
  file(SHA256 ${PROJECT_SOURCE_DIR}/.clang-tidy settings_digest)
  set(settings ${CMAKE_BINARY_DIR}/clang-tidy-${settings_digest}.yaml)
  configure_file(${PROJECT_SOURCE_DIR}/.clang-tidy ${settings} COPYONLY)
  find_program(CLANG_TIDY_PROGRAM clang-tidy-16 REQUIRED)
  set(CMAKE_CXX_CLANG_TIDY ${CLANG_TIDY_PROGRAM} --quiet --config-file=${settings})
endif()
