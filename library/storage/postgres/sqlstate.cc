#include "library/storage/postgres/sqlstate.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <string>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

ErrorCode code_of(std::string_view state) {
  if (state == "40001" || state == "40P01" || state == "23505" || state == "55P03") return ErrorCode::database_conflict;
  if (state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" || state == "57P05" ||
      state == "53300") {
    return ErrorCode::database_unreachable;
  }
  return ErrorCode::database_refused;
}

std::string_view advice_of(std::string_view state) {
  if (state == "42501") return "Grant the database user that permission, or let it own the schema";
  if (state == "42P01" || state == "42703")
    return "Run wellhead migrate; if it was run, check that the search path finds its tables";
  if (state == "22P04") return "The rows were staged by a wellhead with other columns: load the zip code again";
  if (state == "53100") return "Free disk space on the database server, then load again";
  if (state == "53200") return "Give the database server more memory, or load with fewer rows at a time";
  if (state == "53300") return "Raise max_connections, or lower the concurrency";
  if (state == "25006") return "Connect to the primary server; this one takes no writes";
  if (state == "57014") return "Raise the statement timeout if the statement was right to take that long";
  return {};
}

// Class 22 (data exception) quotes the offending value after a colon; names in quotes before it are harmless.
std::string without_values(std::string_view state, std::string_view message) {
  const auto quote = state.starts_with("22") ? message.find('"') : std::string_view::npos;
  if (quote == std::string_view::npos) return std::string(message);
  return fmt::format("{}\"…\"", message.substr(0, quote));
}

// "COPY staged_patient, line 3, column birth_date: "1980-13"" without the value; empty for other contexts.
std::string copy_position(std::string_view context) {
  if (!context.starts_with("COPY ")) return {};
  const auto line = context.substr(0, context.find('\n'));
  return fmt::format(" ({})", line.substr(0, line.find(": \"")));
}

}  // namespace

void throw_sql_error(pg_conn* connection, const pg_result* result, std::string_view where, std::string_view doing) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  if (state.empty() || PQstatus(connection) != CONNECTION_OK) {
    throw Error(ErrorCode::database_unreachable, fmt::format("the connection to {} broke during {}", where, doing),
                "Check that PostgreSQL runs there, then do it again");
  }
  throw Error(
      code_of(state),
      fmt::format("{}: {}{} (SQLSTATE {})", where, without_values(state, field(result, PG_DIAG_MESSAGE_PRIMARY)),
                  copy_position(field(result, PG_DIAG_CONTEXT)), state),
      std::string(advice_of(state)));
}

}  // namespace wellhead::storage
