# Everything comes from the distribution's packages; scripts/packages lists their names.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS url)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(simdjson REQUIRED)
find_package(RapidJSON REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(pugixml REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
# OpenSSL itself has argon2 only from 3.2 on.
pkg_check_modules(argon2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
# Registry and text format; not its HTTP server, nor its client of a push gateway.
pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)
if(WELLHEAD_TEMPORAL)
  find_package(Protobuf REQUIRED)
  find_program(WELLHEAD_CARGO cargo PATHS "$ENV{HOME}/.cargo/bin" REQUIRED)
endif()
if(WELLHEAD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  find_program(WELLHEAD_NGHTTPD nghttpd PATHS /usr/sbin)  # without it the tests of HTTP/2 fail
endif()
if(WELLHEAD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

# Headers of other projects are not held to our warnings.
add_library(wellhead_boost INTERFACE)
target_include_directories(wellhead_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(wellhead_boost INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
if(WELLHEAD_SANITIZE MATCHES "thread")
  # ThreadSanitizer knows no fences. Asio's are beside its mutexes, which it does know.
  target_compile_definitions(wellhead_boost INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
target_link_libraries(wellhead_boost INTERFACE Boost::url Threads::Threads OpenSSL::SSL OpenSSL::Crypto)
