# In place of protobuf, for a configuration of which nothing is built.
add_library(protobuf::libprotobuf INTERFACE IMPORTED)
add_executable(protobuf::protoc IMPORTED)
set_target_properties(protobuf::protoc PROPERTIES IMPORTED_LOCATION /nonexistent/protoc)
set(Protobuf_FOUND TRUE)
