# Language level, warnings and sanitizers, the same for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The type scripts/test uses: compiles in half of Release's time, runs at a bearable speed, and keeps assertions.
set(CMAKE_CXX_FLAGS_TEST "-O1")
set(CMAKE_C_FLAGS_TEST "-O1")
# CMake's own choice, -O3, compiles longer. The converter, where the time of a load goes, asks for it.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # For precompiled headers, as ccache's manual says of them. No source of ours looks at the time of day while it compiles.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

add_compile_options(-pthread)  # of all alike, as a precompiled header asks
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 to 14 in inlined standard library and Asio code.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds -Wno-restrict
                      -Wno-dangling-pointer -Wno-mismatched-new-delete)
endif()
add_link_options(-Wl,--as-needed)

# Several sources of a target at once take half of the time to compile, but all of them again when one has changed. So it is for
# those who build once. Names in unnamed namespaces must be unique within a target for it.
if(WELLHEAD_TESTS AND NOT WELLHEAD_SANITIZE)
  set(unity OFF)
else()
  set(unity ON)
endif()
option(WELLHEAD_UNITY "Compile several sources at once" ${unity})
set(CMAKE_UNITY_BUILD ${WELLHEAD_UNITY})
if(WELLHEAD_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Takes the unnamed namespace of an included source for one of a header.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()

# Places at which a test kills the process (library/meta/fail_point.h): never in what people install.
if(WELLHEAD_TESTS AND NOT CMAKE_BUILD_TYPE MATCHES "Rel")
  set(fail_points ON)
else()
  set(fail_points OFF)
endif()
option(WELLHEAD_FAIL_POINTS "Compile in the places at which a test kills the process" ${fail_points})

# RapidJSON's buffers begin by adding to a null pointer, which clang's sanitizer reports.
set(unsanitized "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(unsanitized -fno-sanitize=pointer-overflow)
endif()
if(WELLHEAD_SANITIZE)
  add_compile_options(-fsanitize=${WELLHEAD_SANITIZE} ${unsanitized} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1 -O1)
  add_link_options(-fsanitize=${WELLHEAD_SANITIZE})
endif()

if(WELLHEAD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "WELLHEAD_FUZZ needs clang: -DCMAKE_CXX_COMPILER=clang++-19")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined ${unsanitized} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -g1 -O1)
  add_link_options(-fsanitize=address,undefined)
  file(REMOVE "${CMAKE_BINARY_DIR}/fuzzers.txt")  # wellhead_fuzz() writes it
endif()
