# temporal_protos: C++ of Temporal's protocol buffers, from the crate that core itself is built of, so that both sides agree.
# Include them as <temporal/api/workflowservice/v1/request_response.pb.h> and <temporal/sdk/core/core_interface.pb.h>.

set(manifest "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${manifest}" "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.lock")

# Downloads the crates, if they are not there yet.
execute_process(COMMAND "${WELLHEAD_CARGO}" metadata --locked --format-version 1 --manifest-path "${manifest}"
  OUTPUT_VARIABLE metadata ERROR_VARIABLE complaint RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "cargo metadata failed: is Rust 1.88 or newer there (scripts/packages temporal), and a network?\n${complaint}")
endif()
if(NOT metadata MATCHES "\"manifest_path\":\"([^\"]*/temporalio-protos-[^\"/]*)/Cargo.toml\"")
  message(FATAL_ERROR "cargo metadata names no crate temporalio-protos; look at ${manifest}")
endif()
set(crate_protos "${CMAKE_MATCH_1}/protos")

# Of the API only messages, and not what only other programs than clients and workers send.
set(skipped "/service\\.proto$|/export/|/protometa/|/nexusservices/|/notificationservice/")
set(protos_in "${CMAKE_CURRENT_BINARY_DIR}/protos")
set(protos_out "${CMAKE_CURRENT_BINARY_DIR}/protos_cc")
file(MAKE_DIRECTORY "${protos_out}")
set(protos "")
foreach(root IN ITEMS local api_upstream .)
  set(pattern temporal/*.proto)
  if(root STREQUAL ".")
    set(pattern google/rpc/status.proto)
  endif()
  file(GLOB_RECURSE found RELATIVE "${crate_protos}/${root}" "${crate_protos}/${root}/${pattern}")
  list(FILTER found EXCLUDE REGEX "${skipped}")
  foreach(proto IN LISTS found)
    # `namespace namespace` is no C++. The wire knows no package names.
    file(READ "${crate_protos}/${root}/${proto}" text)
    string(REPLACE "temporal.api.namespace.v1" "temporal.api.namespace_.v1" text "${text}")
    file(WRITE "${protos_in}.new" "${text}")
    cmake_path(GET proto PARENT_PATH folder)
    file(MAKE_DIRECTORY "${protos_in}/${folder}")
    file(COPY_FILE "${protos_in}.new" "${protos_in}/${proto}" ONLY_IF_DIFFERENT)
    list(APPEND protos "${proto}")
  endforeach()
endforeach()

list(TRANSFORM protos REPLACE "(.*)\\.proto$" "${protos_out}/\\1.pb.cc" OUTPUT_VARIABLE proto_sources)
list(TRANSFORM protos REPLACE "(.*)\\.proto$" "${protos_out}/\\1.pb.h" OUTPUT_VARIABLE proto_headers)
list(TRANSFORM protos PREPEND "${protos_in}/" OUTPUT_VARIABLE proto_files)
add_custom_command(OUTPUT ${proto_sources} ${proto_headers}
  COMMAND protobuf::protoc "-I${protos_in}" "--cpp_out=lite:${protos_out}" ${protos}
  DEPENDS ${proto_files} COMMENT "Generating Temporal's protocol buffers" VERBATIM)

add_library(temporal_protos STATIC ${proto_sources})
# Each includes most of the others' headers.
set_target_properties(temporal_protos PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
target_include_directories(temporal_protos SYSTEM PUBLIC "${protos_out}")
# Not protobuf-lite: the well-known types (Timestamp, Duration) are in the whole library alone.
target_link_libraries(temporal_protos PUBLIC protobuf::libprotobuf)
# Generated code is not held to our warnings, and is not worth the time that -O2 takes; in tests not that of any.
target_compile_options(temporal_protos PRIVATE -w $<IF:$<CONFIG:Test>,-O0,-O1>)
