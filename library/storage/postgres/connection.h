// Blocking PostgreSQL connections over libpq, for activities, the journal and the command line. (The API reads through
// the asynchronous connection of this folder.)
//
// A Connection belongs to one thread at a time. Values go as text parameters, never into the SQL. SQLSTATEs become
// Error{database_unreachable | database_refused | database_conflict | database_version}; after database_unreachable a
// commit under way may or may not have happened.
#pragma once

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

// A parameter: text, NULL, number or boolean.
class Value {
 public:
  Value(std::nullptr_t) {}
  Value(std::string text) : text_(std::move(text)) {}
  Value(std::string_view text) : text_(text) {}
  Value(const char* text) : text_(text) {}
  Value(bool flag) : text_(flag ? "t" : "f") {}
  Value(int number) : text_(std::to_string(number)) {}
  Value(std::int64_t number) : text_(std::to_string(number)) {}
  Value(std::uint64_t number) : text_(std::to_string(number)) {}
  Value(double number);
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  const char* data() const { return text_ ? text_->c_str() : nullptr; }

 private:
  std::optional<std::string> text_;
};

// {"a","b"} as a PostgreSQL array literal, for `= ANY($1::text[])` and unnest.
std::string array_literal(std::span<const std::string> items);

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
  // url: a libpq URI or keyword string. Errors name host and database, never the password.
  explicit Connection(std::string url, ConnectionOptions options = {});

  Result query(std::string_view sql, std::initializer_list<Value> parameters = {});
  Result query(std::string_view sql, std::span<const Value> parameters);
  // Several statements without parameters.
  void execute(std::string_view sql);

  // COPY … FROM STDIN: begin, any number of pieces, end; end says how many rows. abort_copy makes the statement fail.
  void begin_copy(std::string_view sql);
  void write_copy(std::string_view bytes);
  std::int64_t end_copy();
  void abort_copy(std::string_view reason) noexcept;

  bool usable() const;     // false once the connection is broken
  int server_version() const;  // e.g. 150004
  int backend_pid() const;
  pg_conn* native() { return connection_.get(); }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Finish> connection_;
  std::string where_;
};

// BEGIN … COMMIT; rolls back in the destructor unless commit() was called.
class Transaction {
 public:
  explicit Transaction(Connection& connection, std::string_view isolation = "READ COMMITTED");
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

// Connections shared by the threads of this process: borrow() waits while all are lent, opens on demand, and replaces
// broken ones. Thread-safe.
class ConnectionPool {
 public:
  ConnectionPool(std::string url, int limit, ConnectionOptions options = {});
  ~ConnectionPool();

  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection);
    ~Lease();
    Lease(Lease&&) noexcept = default;
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };
  Lease borrow();
  const std::string& url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::storage
