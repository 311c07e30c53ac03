// Blocking PostgreSQL connections over libpq, for activities, the journal and the command line. (The API reads through
// the asynchronous connection of this folder.)
//
// A Connection belongs to one thread at a time. Values go as text parameters, never into the SQL. SQLSTATEs become
// Error{database_unreachable | database_refused | database_conflict | database_version}; after database_unreachable a
// commit under way may or may not have happened.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace wellhead::storage {

// A parameter: text, NULL, number or boolean. Text with a NUL byte, which PostgreSQL cannot hold, is refused by
// query().
class Value {
 public:
  Value(std::nullptr_t) {}
  Value(std::string text) : text_(std::move(text)) {}
  Value(std::string_view text) : text_(text) {}
  Value(const char* text) : text_(text) {}
  Value(bool flag) : text_(flag ? "t" : "f") {}
  template <std::integral Number>
  Value(Number number) : text_(std::to_string(number)) {}
  Value(double number);
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  // A bytea.
  static Value bytes(std::string_view bytes);

  const std::optional<std::string>& text() const { return text_; }
  const char* data() const { return text_ ? text_->c_str() : nullptr; }

 private:
  std::optional<std::string> text_;
};

// {"a","b"} as a PostgreSQL array literal, for `= ANY($1::text[])` and unnest.
std::string array_literal(std::span<const std::string> items);
std::string array_literal(std::span<const std::int64_t> items);

// For the few places that take no parameter: "name" and 'text', quotes doubled.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

// Rows of a query, owned; cells by row and column from 0. Reading a NULL as text gives "", as a number 0.
class Result {
 public:
  explicit Result(pg_result* result);
  int rows() const;
  bool empty() const { return rows() == 0; }
  bool is_null(int row, int column) const;
  std::string_view text(int row, int column) const;  // valid as long as the Result
  std::int64_t integer(int row, int column) const;
  double number(int row, int column) const;
  bool boolean(int row, int column) const;
  std::optional<std::string> optional_text(int row, int column) const;
  std::optional<std::int64_t> optional_integer(int row, int column) const;
  std::int64_t affected_rows() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

struct ConnectionOptions {
  std::string application_name = "wellhead";
  int connect_timeout_seconds = 10;
  int statement_timeout_seconds = 0;  // 0: none
};

class Connection {
 public:
  // url: a libpq URI or keyword string. Errors name host and database, never the password. The session speaks UTF-8,
  // its time zone is UTC, and notices below a warning are off.
  explicit Connection(const std::string& url, const ConnectionOptions& options = {});

  Result query(std::string_view sql, std::initializer_list<Value> parameters = {});
  Result query(std::string_view sql, std::span<const Value> parameters);
  // Several statements without parameters.
  void execute(std::string_view sql);

  // COPY … FROM STDIN: begin, any number of pieces, end; end says how many rows. abort_copy makes the statement fail.
  void begin_copy(std::string_view sql);
  void write_copy(std::string_view bytes);
  std::int64_t end_copy();
  void abort_copy(std::string_view reason) noexcept;

  bool usable() const;         // false once the connection is known to be broken
  bool idle() const;           // usable, in no transaction and no COPY
  int server_version() const;  // e.g. 150004
  int backend_pid() const;
  const std::string& where() const { return where_; }  // for messages: database 'wellhead' on host:port
  pg_conn* native() { return connection_.get(); }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  Result checked(pg_result* result, std::string_view doing);
  [[noreturn]] void fail(pg_result* result, std::string_view doing);

  std::unique_ptr<pg_conn, Finish> connection_;
  std::string where_;
};

// BEGIN … COMMIT; rolls back in the destructor unless commit() was called.
class Transaction {
 public:
  // isolation: a level as SQL names it.
  explicit Transaction(Connection& connection, std::string_view isolation = "READ COMMITTED");
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  // name: which transaction it is, for the fail points before and after it (library/meta/fail_point.h).
  void commit(std::string_view name = "other");

 private:
  Connection& connection_;
  bool open_ = true;
};

// Connections shared by the threads of this process: borrow() waits while all are lent, opens on demand, and replaces
// broken ones. A connection that comes back broken or in a transaction is closed. Thread-safe; outlives its leases.
class ConnectionPool {
 public:
  ConnectionPool(std::string url, int limit, ConnectionOptions options = {});
  ~ConnectionPool();

  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection);
    ~Lease();
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  Lease borrow();
  // How long borrow() tries to connect to a server that cannot be reached, such as one that is being started again. At
  // first it tries once. Whoever waits already goes by the new value.
  void set_patience(std::chrono::milliseconds patience);
  const std::string& url() const;

 private:
  void give_back(std::unique_ptr<Connection> connection);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::storage
