#include "library/storage/postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/fail_point.h"
#include "library/storage/postgres/sqlstate.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

constexpr std::string_view kHexDigits = "0123456789abcdef";

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ClearResult>;

std::string_view text_or(const char* text, std::string_view otherwise) {
  return text == nullptr || *text == '\0' ? otherwise : std::string_view(text);
}

std::string describe(PGconn* connection) {
  const auto host = text_or(PQhost(connection), "localhost");
  return fmt::format("database '{}' on {}:{}", text_or(PQdb(connection), "?"), host,
                     text_or(PQport(connection), "5432"));
}

bool plausible(const PQconninfoOption& option) {
  const std::string_view name = option.keyword;
  const std::string_view value = option.val == nullptr ? "" : option.val;
  if (name == "port") return value.find_first_not_of("0123456789,") == std::string_view::npos;
  return (name != "host" && name != "dbname") || value.find('@') == std::string_view::npos;
}

// A malformed URL is reported without its text: nobody knows where in it the password stands. One whose password holds
// a bare / or @ parses, with a part of the password as port, host or database.
void require_well_formed(const std::string& url) {
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &message);
  PQfreemem(message);
  bool well_formed = options != nullptr;
  for (const auto* option = options; well_formed && option->keyword != nullptr; ++option)
    well_formed = plausible(*option);
  PQconninfoFree(options);
  if (!well_formed) {
    throw Error(
        ErrorCode::invalid_setting, "the database URL is malformed",
        "It looks like postgresql://user:password@host:5432/database; write / and @ of a password as %2F and %40");
  }
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c != '\n' && c != '\t') {
      line.push_back(c);
    } else if (!line.empty() && line.back() != ' ') {
      line.push_back(' ');
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// libpq keeps no SQLSTATE of a refused connection, so a refusal that trying again cannot help is told by its words.
bool refused_for_good(PGconn* connection, std::string_view message) {
  if (PQconnectionNeedsPassword(connection) != 0) return true;
  if (message.find("FATAL") == std::string_view::npos) return false;
  for (const std::string_view words :
       {"authentication failed", "does not exist", "permission denied", "no pg_hba.conf entry"}) {
    if (message.find(words) != std::string_view::npos) return true;
  }
  return false;
}

[[noreturn]] void fail_to_connect(PGconn* connection, const std::string& where) {
  const auto message = one_line(text_or(PQerrorMessage(connection), "out of memory"));
  if (refused_for_good(connection, message)) {
    throw Error(ErrorCode::database_refused, fmt::format("{} refused the connection: {}", where, message),
                "Check user, password and database name in WELLHEAD_DATABASE_URL");
  }
  throw Error(ErrorCode::database_unreachable, fmt::format("no connection to {}: {}", where, message),
              "Check that PostgreSQL runs there and that WELLHEAD_DATABASE_URL is right");
}

template <class Number>
Number parse_number(std::string_view text) {
  Number number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())) {
    throw Error(ErrorCode::internal, "a column was read as a number and is none");
  }
  return number;
}

}  // namespace

Value::Value(double number) : text_(fmt::format("{}", number)) {}

Value Value::bytes(std::string_view bytes) {
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return {std::move(text)};
}

std::string array_literal(std::span<const std::string> items) {
  std::string out = "{";
  for (const auto& item : items) {
    if (out.size() > 1) out.push_back(',');
    out.push_back('"');
    for (const char c : item) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back('}');
  return out;
}

std::string array_literal(std::span<const std::int64_t> items) { return fmt::format("{{{}}}", fmt::join(items, ",")); }

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  out.push_back('"');
  return out;
}

std::string quote_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  out.push_back('\'');
  return out;
}

void Result::Clear::operator()(pg_result* result) const { PQclear(result); }

Result::Result(pg_result* result) : result_(result) {}

int Result::rows() const { return PQntuples(result_.get()); }

bool Result::is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }

std::string_view Result::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Result::integer(int row, int column) const { return parse_number<std::int64_t>(text(row, column)); }

double Result::number(int row, int column) const { return parse_number<double>(text(row, column)); }

bool Result::boolean(int row, int column) const { return text(row, column) == "t"; }

std::optional<std::string> Result::optional_text(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return std::string(text(row, column));
}

std::optional<std::int64_t> Result::optional_integer(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return integer(row, column);
}

std::int64_t Result::affected_rows() const { return parse_number<std::int64_t>(PQcmdTuples(result_.get())); }

void Connection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

Connection::Connection(const std::string& url, const ConnectionOptions& options) {
  require_well_formed(url);
  const auto timeout = std::to_string(options.connect_timeout_seconds);
  const std::array<const char*, 5> names = {"dbname", "fallback_application_name", "connect_timeout", "client_encoding",
                                            nullptr};
  const std::array<const char*, 5> values = {url.c_str(), options.application_name.c_str(), timeout.c_str(), "UTF8",
                                             nullptr};
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 1));
  where_ = describe(connection_.get());
  if (!usable()) fail_to_connect(connection_.get(), where_);
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  execute(
      fmt::format("SET client_min_messages TO warning; SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO, YMD'; "
                  "SET statement_timeout TO '{}s'",
                  options.statement_timeout_seconds));
}

void Connection::fail(pg_result* result, std::string_view doing) {
  const OwnedResult owned(result);
  throw_sql_error(connection_.get(), result, where_, doing);
}

Result Connection::checked(pg_result* result, std::string_view doing) {
  const auto status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return Result(result);
  fail(result, doing);
}

Result Connection::query(std::string_view sql, std::initializer_list<Value> parameters) {
  return query(sql, std::span<const Value>(parameters.begin(), parameters.size()));
}

Result Connection::query(std::string_view sql, std::span<const Value> parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    if (parameter.text() && parameter.text()->find('\0') != std::string::npos) {
      throw Error(ErrorCode::invalid_input, "a text with a NUL byte cannot be stored");
    }
    values.push_back(parameter.data());
  }
  return checked(PQexecParams(connection_.get(), std::string(sql).c_str(), static_cast<int>(values.size()), nullptr,
                              values.data(), nullptr, nullptr, 0),
                 "a query");
}

void Connection::execute(std::string_view sql) {
  checked(PQexec(connection_.get(), std::string(sql).c_str()), "a statement");
}

void Connection::begin_copy(std::string_view sql) {
  PGresult* result = PQexec(connection_.get(), std::string(sql).c_str());
  if (PQresultStatus(result) != PGRES_COPY_IN) fail(result, "COPY");
  PQclear(result);
}

void Connection::write_copy(std::string_view bytes) {
  if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) fail(nullptr, "COPY");
}

std::int64_t Connection::end_copy() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) fail(nullptr, "COPY");
  OwnedResult result(PQgetResult(connection_.get()));
  while (PGresult* more = PQgetResult(connection_.get())) PQclear(more);
  return checked(result.release(), "COPY").affected_rows();
}

void Connection::abort_copy(std::string_view reason) noexcept {
  PQputCopyEnd(connection_.get(), std::string(reason).c_str());
  while (PGresult* more = PQgetResult(connection_.get())) PQclear(more);
}

bool Connection::usable() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

bool Connection::idle() const { return usable() && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE; }

int Connection::server_version() const { return PQserverVersion(connection_.get()); }

int Connection::backend_pid() const { return PQbackendPID(connection_.get()); }

Transaction::Transaction(Connection& connection, std::string_view isolation) : connection_(connection) {
  connection_.execute(fmt::format("BEGIN ISOLATION LEVEL {}", isolation));
}

Transaction::~Transaction() {
  if (!open_ || !connection_.usable()) return;
  if (PQtransactionStatus(connection_.native()) == PQTRANS_ACTIVE) connection_.abort_copy("rolled back");
  PQclear(PQexec(connection_.native(), "ROLLBACK"));
}

void Transaction::commit(std::string_view name) {
  meta::fail_point(name, "before");
  open_ = false;
  const OwnedResult result(PQexec(connection_.native(), "COMMIT"));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
    throw_sql_error(connection_.native(), result.get(), connection_.where(), "COMMIT");
  }
  // A transaction that had failed answers COMMIT by rolling back.
  if (std::string_view(PQcmdStatus(result.get())) != "COMMIT") {
    throw Error(ErrorCode::internal, "a transaction that had failed was to be committed");
  }
  meta::fail_point(name, "after");
}

}  // namespace wellhead::storage
