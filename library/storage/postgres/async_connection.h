// Non-blocking PostgreSQL for the API: one pipelined libpq connection on an event loop (PostgreSQL manual, "Pipeline
// Mode"). Any number of queries are under way at once on it; each is a transaction of its own, read-only.
//
//   static const Statement kRun("SELECT … WHERE run_id = $1");
//   std::vector<Value> parameters = {id};
//   Result rows = co_await connection.query(kRun, std::move(parameters));
//
// A query starts when query() is called, so two can be started and then awaited in turn. It may be awaited by any
// coroutine type; that coroutine goes on on the loop's thread. Statements are prepared on first use in each connection.
//
// A connection that breaks fails what was under way with Error{database_unreachable}, and is made anew: at once, then
// with backoff. While it is being made queries wait; between two attempts they fail at once, with retry_after. Other
// errors: database_refused, database_conflict, database_version (a table is missing), database_unreachable also for a
// statement that ran into its time limit and for a full queue. Everything but the constructor and destructor must be
// called on the loop's thread.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/storage/postgres/connection.h"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Asio's name
}

namespace wellhead::storage {

// One SQL statement, prepared by its name in each connection that uses it. Must outlive the connections; one that is
// used once is planned each time, and need only outlive its queries.
class Statement {
 public:
  enum class Use { often, once };
  explicit Statement(std::string sql, Use use = Use::often);
  bool prepared() const { return use_ == Use::often; }
  const std::string& sql() const { return sql_; }
  const std::string& name() const { return name_; }

 private:
  std::string sql_;
  std::string name_;
  Use use_;
};

// Parameters of PostgreSQL that hold for one query alone: names and values.
using LocalSettings = std::vector<std::pair<std::string, std::string>>;

struct AsyncConnectionOptions {
  std::string url;                                // a libpq URI or keyword string
  std::string application_name = "wellhead api";  // also the pool's, in /metrics
  bool counted = true;                            // in /metrics; not if its owner does that
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds statement_timeout{10'000};
  std::size_t max_pending = 512;  // queries waiting or under way
  bool lazy = false;              // connects for the first query
  // Told once when the database is lost or not reached (why), and once when it is back (empty). On the loop's thread.
  std::function<void(const std::string& problem)> on_change;
};

class AsyncConnection {
  struct State;

 public:
  // A query under way. Destroying it unawaited or unfinished is allowed: its result is dropped.
  class Query {
   public:
    Query(const std::shared_ptr<State>& state, const Statement& statement, std::vector<Value> parameters,
          const LocalSettings& settings);
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    bool await_ready() const noexcept { return done_; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { awaiting_ = awaiting; }
    Result await_resume();

   private:
    friend struct State;
    std::shared_ptr<State> state_;
    const Statement* statement_;
    std::vector<Value> parameters_;
    std::vector<Value> settings_;  // names and values in turn
    bool setting_ = false;         // their result is still to come
    bool done_ = false;
    bool prepared_ = false;  // its statement is known to be prepared
    std::uint64_t prepared_by_ = 0;
    std::optional<Result> result_;
    std::exception_ptr error_;
    std::coroutine_handle<> awaiting_;
  };

  AsyncConnection(boost::asio::io_context& context, AsyncConnectionOptions options);
  // Only after close() or when the loop no longer runs.
  ~AsyncConnection();
  AsyncConnection(const AsyncConnection&) = delete;
  AsyncConnection& operator=(const AsyncConnection&) = delete;

  // settings are set before the statement, in its transaction: it does not run if they cannot be.
  Query query(const Statement& statement, std::vector<Value> parameters = {}, const LocalSettings& settings = {}) {
    return Query(state_, statement, std::move(parameters), settings);
  }

  // The same for a query that outlives the call, such as one whose rows are wanted later.
  std::unique_ptr<Query> query_ahead(const Statement& statement, std::vector<Value> parameters = {}) {
    return std::make_unique<Query>(state_, statement, std::move(parameters), LocalSettings());
  }

  // Whether it is connected now.
  bool connected() const;
  // Fails what is under way with Error{cancelled} and connects no more.
  void close();

 private:
  std::shared_ptr<State> state_;
};

// One connection for each of a server's event loops, by the loop's number.
class AsyncConnections {
 public:
  // Call once for each loop, in order, before any runs.
  void add(boost::asio::io_context& context, const AsyncConnectionOptions& options) {
    connections_.push_back(std::make_unique<AsyncConnection>(context, options));
  }
  AsyncConnection& at(std::size_t loop) { return *connections_.at(loop); }

  // A second one for each loop, for queries that are limited in what rows they see.
  void add_limited(boost::asio::io_context& context, const AsyncConnectionOptions& options) {
    limited_.push_back(std::make_unique<AsyncConnection>(context, options));
  }
  AsyncConnection& limited_at(std::size_t loop) { return *limited_.at(loop); }

  // As AsyncConnection::close(), on the loop's thread.
  void close(std::size_t loop) {
    connections_.at(loop)->close();
    if (loop < limited_.size()) limited_[loop]->close();
  }

 private:
  std::vector<std::unique_ptr<AsyncConnection>> connections_;
  std::vector<std::unique_ptr<AsyncConnection>> limited_;
};

}  // namespace wellhead::storage
