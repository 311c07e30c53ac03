// What PostgreSQL says went wrong, as a meta::Error. Messages keep the SQLSTATE and lose every value: those may be
// patient data. SQLSTATEs: PostgreSQL documentation, appendix A.
#pragma once

#include <string_view>

struct pg_conn;
struct pg_result;

namespace wellhead::storage {

// result may be null (the connection broke); it stays the caller's.
[[noreturn]] void throw_sql_error(pg_conn* connection, const pg_result* result, std::string_view where,
                                  std::string_view doing);

}  // namespace wellhead::storage
