# add_room(NAME [USES room...] [LIBS target...])
#
# A room is one folder of src/: every x.cc in it (also in its sub-folders) becomes the library
# `room_NAME`, every x_test.cc the test program `NAME_test`. USES lists the rooms it may include;
# tools/check_rooms reads these calls and fails on any other include. LIBS are third-party targets;
# each has one home room. A room without sources yet is header-only.
function(add_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBS" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  set(used "")
  foreach(other ${ROOM_USES})
    list(APPEND used room_${other})
  endforeach()

  if(sources)
    add_library(room_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(room_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(room_${name} ${scope} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(room_${name} ${scope} ${used} ${ROOM_LIBS})
  if(NOT name STREQUAL "base")
    target_link_libraries(room_${name} ${scope} room_base)
  endif()

  if(tests AND HOLDFAST_TESTS)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE room_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE
      HOLDFAST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
