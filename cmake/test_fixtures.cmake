# Servers that tests need are ctest fixtures: `ctest` starts each one once, when a selected test wants it, and stops it.
string(MD5 build_hash "${CMAKE_BINARY_DIR}")
string(SUBSTRING "${build_hash}" 0 8 build_hash)
# A Unix socket's path ends at 107 bytes, so the cluster does not live in the build directory.
set(WELLHEAD_TEST_POSTGRES "/tmp/wellhead-test-${build_hash}")

if(WELLHEAD_TESTS)
  add_test(NAME postgres.start COMMAND ${CMAKE_SOURCE_DIR}/tools/runner/test_postgres start ${WELLHEAD_TEST_POSTGRES})
  add_test(NAME postgres.stop COMMAND ${CMAKE_SOURCE_DIR}/tools/runner/test_postgres stop ${WELLHEAD_TEST_POSTGRES})
  set_tests_properties(postgres.start PROPERTIES FIXTURES_SETUP postgres LABELS pg TIMEOUT 60)
  set_tests_properties(postgres.stop PROPERTIES FIXTURES_CLEANUP postgres LABELS pg TIMEOUT 60)
endif()

# The ctest properties that tests of a label carry, as a list for set_tests_properties.
function(wellhead_fixture_properties label out)
  set(properties "")
  if(NOT label STREQUAL "unit")
    set(properties FIXTURES_REQUIRED postgres
      ENVIRONMENT "WELLHEAD_TEST_DATABASE_URL=postgresql:///postgres?host=${WELLHEAD_TEST_POSTGRES}&user=postgres")
  endif()
  set(${out} ${properties} PARENT_SCOPE)
endfunction()
