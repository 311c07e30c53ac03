# What most sources include, read once for all of them: half of the time that a compiler spends on one goes into it. A source
# includes what it needs all the same; fuzz targets, and Bazel, compile without these. So does who compiles several sources at
# once, which reads headers once for them anyway.
if(WELLHEAD_UNITY)
  set(precompile OFF)
else()
  set(precompile ON)
endif()
option(WELLHEAD_PRECOMPILE "Compile the most used headers once" ${precompile})
set(precompiled_headers
  <algorithm> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional> <string> <string_view> <utility> <vector> <fmt/format.h>)

function(wellhead_precompiled name)
  if(NOT WELLHEAD_PRECOMPILE OR WELLHEAD_FUZZ)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;DEPENDS")
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/${name}.cc" CONTENT "")
  add_library(${name} STATIC "${CMAKE_BINARY_DIR}/${name}.cc")
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS})
  target_precompile_headers(${name} PRIVATE ${precompiled_headers} ${arg_HEADERS})
endfunction()

# wellhead_reuse_headers(NAME FROM): the target compiles with what wellhead_precompiled() read for FROM, if it did.
function(wellhead_reuse_headers name from)
  if(TARGET ${from})
    target_precompile_headers(${name} REUSE_FROM ${from})
    # Both must be compiled with the same definitions, also what does not depend on fmt.
    target_compile_definitions(${name} PRIVATE $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
  endif()
endfunction()

wellhead_precompiled(wellhead_headers DEPENDS fmt::fmt)
if(WELLHEAD_TESTS)
  wellhead_precompiled(wellhead_test_headers HEADERS <gmock/gmock.h> <gtest/gtest.h> DEPENDS fmt::fmt GTest::gmock)
endif()

# wellhead_library(NAME SOURCES a.cc ... DEPENDS target ...)
# A static library of one folder. Its public headers are included from the repository's root.
function(wellhead_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_DEPENDS})
  wellhead_reuse_headers(${name} wellhead_headers)
endfunction()

# wellhead_tests(NAME SOURCES a_test.cc ... DEPENDS target ... [LABEL unit|pg|fhirsim|...] [PREFIX x/] [WHOLE])
# One GoogleTest program; each of its cases is a ctest test, named folder/Suite.Case, or folder/x/Suite.Case where another
# program of the folder has the same cases (ctest takes two tests of one name for one). A label other than `unit` brings that
# label's fixture (cmake/test_fixtures.cmake), so that `ctest -L pg` starts PostgreSQL by itself. The target tests_LABEL
# builds every program of a label. WHOLE: the program is one ctest test, so that its cases share a server that is slow to
# start.
function(wellhead_tests name)
  if(NOT WELLHEAD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE" "LABEL;TIMEOUT;PREFIX" "SOURCES;DEPENDS")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} wellhead_fixture_headers GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    WELLHEAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}" WELLHEAD_BINARY_DIR="${CMAKE_BINARY_DIR}")
  wellhead_reuse_headers(${name} wellhead_test_headers)
  wellhead_fixture_properties(${arg_LABEL} properties)
  if(NOT TARGET tests_${arg_LABEL})
    add_custom_target(tests_${arg_LABEL})
  endif()
  add_dependencies(tests_${arg_LABEL} ${name})
  file(RELATIVE_PATH folder "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  if(arg_WHOLE)
    add_test(NAME ${folder}/${name} COMMAND ${name})
    set_tests_properties(${folder}/${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} ${properties})
    return()
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 NO_PRETTY_VALUES TEST_PREFIX "${folder}/${arg_PREFIX}"
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} ${properties})
endfunction()

# wellhead_benchmark(NAME SOURCES a_bench.cc DEPENDS target ...): a Google Benchmark program.
function(wellhead_benchmark name)
  if(NOT WELLHEAD_BENCHMARKS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} benchmark::benchmark_main)
  target_compile_definitions(${name} PRIVATE WELLHEAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endfunction()

# wellhead_fuzz(NAME SOURCES a_fuzz.cc DEPENDS target ... CORPUS folder): a libFuzzer program, built by clang with
# WELLHEAD_FUZZ alone. Its seeds lie in the folder; `scripts/test --fuzz` runs it.
function(wellhead_fuzz name)
  if(NOT WELLHEAD_FUZZ)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CORPUS" "SOURCES;DEPENDS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS})
  target_compile_definitions(${name} PRIVATE WELLHEAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  file(APPEND "${CMAKE_BINARY_DIR}/fuzzers.txt" "${CMAKE_CURRENT_BINARY_DIR}/${name} ${CMAKE_CURRENT_SOURCE_DIR}/${arg_CORPUS}\n")
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name})
endfunction()

# wellhead_embed(TARGET SYMBOL FILE): makes FILE's bytes part of TARGET as
#   extern "C" const char SYMBOL[]; extern "C" const char SYMBOL_end[];
function(wellhead_embed target symbol file)
  get_filename_component(path "${file}" ABSOLUTE)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cc")
  file(GENERATE OUTPUT "${source}" CONTENT
"asm(R\"(
.section .rodata
.global ${symbol}
.global ${symbol}_end
.balign 64
${symbol}:
.incbin \"${path}\"
${symbol}_end:
.byte 0
.text
)\");
")
  set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES
    GENERATED TRUE OBJECT_DEPENDS "${path}")
  target_sources(${target} PRIVATE "${source}")
endfunction()
