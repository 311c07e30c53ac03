# temporal_bridge: the crate as a static library, built by cargo in the build directory; include/temporal_bridge.h is its interface.

# What people install is optimised; tests get what builds sooner.
set(crate_profile dev)
set(crate_profile_directory debug)
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  set(crate_profile release)
  set(crate_profile_directory release)
endif()
set(crate_directory "${CMAKE_CURRENT_BINARY_DIR}/cargo")
set(crate_library "${crate_directory}/${crate_profile_directory}/libtemporal_bridge.a")
# What cargo makes on the way, nearly all of it of others' crates, lies beside the user's other caches (cargo 1.91 or newer), for
# the next build directory and the next checkout. WELLHEAD_BRIDGE_SOURCES: src/lib.rs.
set(crate_cache "$ENV{XDG_CACHE_HOME}")
if(NOT crate_cache AND DEFINED ENV{HOME})
  set(crate_cache "$ENV{HOME}/.cache")
endif()
set(crate_environment "CARGO_TARGET_DIR=${crate_directory}" "PROTOC=$<TARGET_FILE:protobuf::protoc>"
  "WELLHEAD_BRIDGE_SOURCES=${CMAKE_CURRENT_SOURCE_DIR}")
if(crate_cache)
  list(APPEND crate_environment "CARGO_BUILD_BUILD_DIR=${crate_cache}/wellhead/cargo")
endif()
file(GLOB crate_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/*.rs")

# cargo has the last word on what is stale; its .d file would tell of the same sources.
add_custom_command(OUTPUT "${crate_library}"
  COMMAND "${CMAKE_COMMAND}" -E env ${crate_environment}
          "${WELLHEAD_CARGO}" build --profile ${crate_profile} --locked --lib --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
  COMMAND "${CMAKE_COMMAND}" -E touch "${crate_library}"
  DEPENDS ${crate_sources} "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml" "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.lock"
  USES_TERMINAL COMMENT "Building the bridge to Temporal's core (some minutes the first time)" VERBATIM)
add_custom_target(temporal_bridge_crate DEPENDS "${crate_library}")
# The crate's own tests (scripts/test --temporal).
add_custom_target(temporal_bridge_tests
  COMMAND "${CMAKE_COMMAND}" -E env ${crate_environment}
          "${WELLHEAD_CARGO}" test --profile ${crate_profile} --locked --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
  USES_TERMINAL VERBATIM)

add_library(temporal_bridge STATIC IMPORTED GLOBAL)
set_target_properties(temporal_bridge PROPERTIES IMPORTED_LOCATION "${crate_library}")
target_include_directories(temporal_bridge INTERFACE "${CMAKE_SOURCE_DIR}")
# What rustc --print native-static-libs names, and leaving out of a program what it never calls.
target_link_libraries(temporal_bridge INTERFACE Threads::Threads m ${CMAKE_DL_LIBS} gcc_s)
target_link_options(temporal_bridge INTERFACE -Wl,--gc-sections)
# Ninja knows by the file that programs wait for cargo; what is only compiled need not.
if(NOT CMAKE_GENERATOR MATCHES "Ninja")
  add_dependencies(temporal_bridge temporal_bridge_crate)
endif()
