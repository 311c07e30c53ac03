#include "library/storage/postgres/async_connection.h"

#include <libpq-fe.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>
#include <random>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/postgres/pool_gauges.h"
#include "library/storage/postgres/sqlstate.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackoff{100};
constexpr milliseconds kLastBackoff{5'000};

std::string statement_name() {
  static std::atomic<unsigned> next = 0;
  return "s" + std::to_string(next.fetch_add(1));
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::string_view sqlstate(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state ? state : "";
}

Error unreachable(std::string message) {
  Error error(ErrorCode::database_unreachable, std::move(message));
  error.set_retry_after(milliseconds(1'000));
  return error;
}

std::exception_ptr to_error(PGconn* connection, const PGresult* result) {
  const std::string_view state = sqlstate(result);
  try {
    if (state == "57014") throw unreachable("a query took longer than it may");
    // Another query that went first through the pipeline should have prepared the statement, or its plan has aged.
    if (state == "26000" || state == "0A000")
      throw Error(ErrorCode::database_conflict, "a prepared statement was lost");
    throw_sql_error(connection, result, "the API's database", "a query");
  } catch (const Error& error) {
    if (state == "42P01" || state == "42703") {
      return std::make_exception_ptr(Error(ErrorCode::database_version, error.message(), error.advice()));
    }
    return std::make_exception_ptr(error);
  }
}

}  // namespace

Statement::Statement(std::string sql, Use use) : sql_(std::move(sql)), name_(statement_name()), use_(use) {}

struct AsyncConnection::State : std::enable_shared_from_this<State> {
  enum class Phase { idle, connecting, ready, waiting, closed };

  State(boost::asio::io_context& context, AsyncConnectionOptions options)
      : options_(std::move(options)), context_(context), socket_(context), timer_(context) {
    if (options_.counted) gauges_.emplace(options_.application_name, true);
    show();
  }
  ~State() { drop_connection(); }
  void show() noexcept;

  // Connecting.
  void connect();
  void poll_connection();
  void watch_connecting(boost::asio::posix::stream_descriptor::wait_type direction);
  void limit_connecting();
  bool configure() const;
  void connected();
  void broken(std::string reason);
  void drop_connection();
  void retry_later();
  void report(const std::string& problem);

  // Queries.
  void start(Query& query);
  bool send_settings(Query& query) const;
  void break_later(std::string reason);
  bool send(Query& query);
  void abandon(Query& query);
  void flush();
  void watch_read();
  void read();
  void take_results(std::uint64_t generation);
  void take(PGresult* result);
  void finish_front();
  static void finish(Query& query);
  void fail_all(const Error& error);
  void close();

  AsyncConnectionOptions options_;
  boost::asio::io_context& context_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  PGconn* connection_ = nullptr;
  Phase phase_ = Phase::connecting;
  std::uint64_t generation_ = 0;  // tells completions of an earlier connection apart
  bool writing_ = false;
  bool breaking_ = false;
  milliseconds backoff_{0};
  bool answered_ = false;  // something, since it was connected
  bool reported_ = false;  // that it is lost
  std::string reason_ = "it has not been reached yet";
  std::chrono::steady_clock::time_point next_try_;
  struct Prepared {
    std::uint64_t by;  // the query that prepared it
    std::string name;  // new each time: what was prepared by another name may have aged
  };
  std::unordered_map<const Statement*, Prepared> prepared_;
  std::uint64_t queries_ = 0;
  std::deque<Query*> pending_;  // nullptr: abandoned, its results are still to come
  std::deque<Query*> failing_;  // to be told that the connection broke
  std::optional<PoolGauges> gauges_;
};

void AsyncConnection::State::show() noexcept {
  if (!gauges_) return;
  const auto queries = static_cast<int>(pending_.size());
  const bool ready = phase_ == Phase::ready;
  gauges_->show({.lent = ready && queries > 0 ? 1 : 0,
                 .idle = ready && queries == 0 ? 1 : 0,
                 .limit = phase_ == Phase::closed ? 0 : 1,
                 .queries = queries});
}

// --- connecting ----------------------------------------------------------------------------------------------------

void AsyncConnection::State::connect() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::connecting;
  ++generation_;
  const char* keywords[] = {"dbname", "fallback_application_name", "client_encoding", nullptr};
  const char* values[] = {options_.url.c_str(), options_.application_name.c_str(), "UTF8", nullptr};
  connection_ = PQconnectStartParams(keywords, values, 1);
  if (!connection_ || PQstatus(connection_) == CONNECTION_BAD) {
    return broken(connection_ ? first_line(PQerrorMessage(connection_)) : "out of memory");
  }
  limit_connecting();
  // libpq, "PQconnectStartParams": behave as if the last poll had said PGRES_POLLING_WRITING.
  watch_connecting(boost::asio::posix::stream_descriptor::wait_write);
}

void AsyncConnection::State::limit_connecting() {
  timer_.expires_after(options_.connect_timeout);
  timer_.async_wait([self = shared_from_this(), generation = generation_](const boost::system::error_code& error) {
    if (error || generation != self->generation_ || self->phase_ != Phase::connecting) return;
    self->broken("no connection within the time limit");
  });
}

void AsyncConnection::State::watch_connecting(boost::asio::posix::stream_descriptor::wait_type direction) {
  boost::system::error_code failed;
  socket_.assign(PQsocket(connection_), failed);
  if (failed) return broken("the connection's socket cannot be watched: " + failed.message());
  socket_.async_wait(direction,
                     [self = shared_from_this(), generation = generation_](const boost::system::error_code& error) {
                       if (error || generation != self->generation_ || self->phase_ != Phase::connecting) return;
                       self->poll_connection();
                     });
}

void AsyncConnection::State::poll_connection() {
  // The poll may close this socket and open another, even with the same number.
  socket_.release();
  switch (PQconnectPoll(connection_)) {
    case PGRES_POLLING_READING:
      return watch_connecting(boost::asio::posix::stream_descriptor::wait_read);
    case PGRES_POLLING_WRITING:
      return watch_connecting(boost::asio::posix::stream_descriptor::wait_write);
    case PGRES_POLLING_OK:
      return connected();
    default:
      return broken(first_line(PQerrorMessage(connection_)));
  }
}

// The session's settings go first through the pipeline; their result is dropped.
bool AsyncConnection::State::configure() const {
  const std::string sql =
      "SELECT set_config('statement_timeout', '" + std::to_string(options_.statement_timeout.count()) +
      "', false), set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false), "
      "set_config('IntervalStyle', 'iso_8601', false), set_config('extra_float_digits', '1', false), "
      "set_config('bytea_output', 'hex', false), "
      "set_config('default_transaction_read_only', 'on', false)";
  return PQsendQueryParams(connection_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1 &&
         PQpipelineSync(connection_) == 1;
}

void AsyncConnection::State::connected() {
  if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) != 1 || !configure()) {
    return broken(first_line(PQerrorMessage(connection_)));
  }
  boost::system::error_code failed;
  socket_.assign(PQsocket(connection_), failed);
  if (failed) return broken("the connection's socket cannot be watched: " + failed.message());
  phase_ = Phase::ready;
  timer_.cancel();
  std::erase(pending_, nullptr);
  for (Query* query : pending_) {
    if (!send(*query)) return broken(first_line(PQerrorMessage(connection_)));
  }
  pending_.push_front(nullptr);  // the settings
  show();
  flush();
  watch_read();
}

void AsyncConnection::State::drop_connection() {
  ++generation_;
  if (socket_.is_open()) socket_.release();
  if (connection_) PQfinish(connection_);
  connection_ = nullptr;
  prepared_.clear();
  writing_ = false;
}

// Fails what is under way and tries again: at once if the connection had been of use, otherwise later.
void AsyncConnection::State::broken(std::string reason) {
  if (phase_ == Phase::closed) return;
  drop_connection();
  breaking_ = false;
  reason_ = std::move(reason);
  const bool at_once = std::exchange(answered_, false);
  phase_ = at_once ? Phase::connecting : Phase::waiting;
  if (!at_once) backoff_ = backoff_ == milliseconds(0) ? kFirstBackoff : std::min(backoff_ * 2, kLastBackoff);
  fail_all(unreachable("the database does not answer: " + reason_));
  // A coroutine that went on may have closed it.
  if (phase_ == Phase::closed) return;
  if (at_once) return connect();
  retry_later();
  report(reason_);
}

void AsyncConnection::State::report(const std::string& problem) {
  const bool lost = !problem.empty();
  if (lost == std::exchange(reported_, lost)) return;
  if (options_.on_change) options_.on_change(problem);
}

void AsyncConnection::State::retry_later() {
  thread_local std::minstd_rand random{std::random_device{}()};
  const milliseconds wait = backoff_ / 2 + milliseconds(random() % static_cast<unsigned>(backoff_.count() / 2 + 1));
  next_try_ = std::chrono::steady_clock::now() + wait;
  timer_.expires_at(next_try_);
  timer_.async_wait([self = shared_from_this(), generation = generation_](const boost::system::error_code& error) {
    if (!error && generation == self->generation_) self->connect();
  });
}

// --- queries -------------------------------------------------------------------------------------------------------

void AsyncConnection::State::start(Query& query) {
  const auto refuse = [&query](const Error& error) {
    query.error_ = std::make_exception_ptr(error);
    query.done_ = true;
  };
  if (phase_ == Phase::closed) return refuse(Error(ErrorCode::cancelled, "the server is stopping"));
  if (phase_ == Phase::waiting || breaking_) return refuse(unreachable("the database does not answer: " + reason_));
  if (pending_.size() >= options_.max_pending) {
    return refuse(unreachable("the database does not keep up: too many queries are waiting"));
  }
  pending_.push_back(&query);
  show();
  if (phase_ == Phase::idle) {
    phase_ = Phase::connecting;
    boost::asio::post(context_, [self = shared_from_this()] { self->connect(); });
  }
  if (phase_ != Phase::ready) return;
  if (send(query)) return flush();
  break_later(first_line(PQerrorMessage(connection_)));
}

// Not at once: the caller's coroutine is about to await, and others' must not run inside its call.
void AsyncConnection::State::break_later(std::string reason) {
  breaking_ = true;
  reason_ = std::move(reason);
  boost::asio::post(context_, [self = shared_from_this(), generation = generation_] {
    if (generation == self->generation_) self->broken(self->reason_);
  });
}

// Before the statement and without a sync between them: in its transaction.
bool AsyncConnection::State::send_settings(Query& query) const {
  query.setting_ = !query.settings_.empty();
  if (!query.setting_) return true;
  std::string sql = "SELECT ";
  std::vector<const char*> values;
  for (const Value& value : query.settings_) {
    values.push_back(value.data());
    const std::size_t number = values.size();
    if (number % 2 != 0) continue;
    if (number > 2) sql += ", ";
    sql += "set_config($" + std::to_string(number - 1) + ", $" + std::to_string(number) + ", true)";
  }
  return PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                           nullptr, 0) == 1;
}

bool AsyncConnection::State::send(Query& query) {
  const Statement& statement = *query.statement_;
  if (!send_settings(query)) return false;
  std::vector<const char*> values;
  values.reserve(query.parameters_.size());
  for (const Value& value : query.parameters_) values.push_back(value.data());
  const int count = static_cast<int>(values.size());
  if (!statement.prepared()) {
    return PQsendQueryParams(connection_, statement.sql().c_str(), count, nullptr, values.data(), nullptr, nullptr,
                             0) == 1 &&
           PQpipelineSync(connection_) == 1;
  }
  auto prepared = prepared_.find(&statement);
  query.prepared_ = prepared != prepared_.end();
  if (!query.prepared_) {
    const std::uint64_t by = ++queries_;
    prepared = prepared_.emplace(&statement, Prepared{by, statement.name() + "_" + std::to_string(by)}).first;
    if (PQsendPrepare(connection_, prepared->second.name.c_str(), statement.sql().c_str(), 0, nullptr) != 1)
      return false;
  }
  query.prepared_by_ = prepared->second.by;
  return PQsendQueryPrepared(connection_, prepared->second.name.c_str(), count, values.data(), nullptr, nullptr, 0) ==
             1 &&
         PQpipelineSync(connection_) == 1;
}

void AsyncConnection::State::abandon(Query& query) {
  std::ranges::replace(pending_, &query, nullptr);
  std::ranges::replace(failing_, &query, nullptr);
}

void AsyncConnection::State::flush() {
  if (writing_ || !connection_) return;
  if (PQflush(connection_) != 1) return;  // sent; a failure shows when reading
  writing_ = true;
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                     [self = shared_from_this(), generation = generation_](const boost::system::error_code& error) {
                       if (generation != self->generation_) return;
                       self->writing_ = false;
                       if (!error) self->flush();
                     });
}

void AsyncConnection::State::watch_read() {
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this(), generation = generation_](const boost::system::error_code& error) {
                       if (!error && generation == self->generation_) self->read();
                     });
}

void AsyncConnection::State::read() {
  if (PQconsumeInput(connection_) != 1) return broken(first_line(PQerrorMessage(connection_)));
  const std::uint64_t generation = generation_;
  take_results(generation);
  if (generation != generation_) return;
  if (PQstatus(connection_) == CONNECTION_BAD) return broken(first_line(PQerrorMessage(connection_)));
  flush();
  watch_read();
}

// Coroutines go on inside of this, and may start queries or close the connection.
void AsyncConnection::State::take_results(std::uint64_t generation) {
  while (generation == generation_ && !pending_.empty() && PQisBusy(connection_) == 0) {
    if (PGresult* result = PQgetResult(connection_)) {
      take(result);
    } else if (PQstatus(connection_) == CONNECTION_BAD) {
      return;
    }
  }
}

void AsyncConnection::State::take(PGresult* result) {
  Query* query = pending_.front();
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_PIPELINE_SYNC) {
    PQclear(result);
    return finish_front();
  }
  if (!query || status == PGRES_PIPELINE_ABORTED) return PQclear(result);
  if (status != PGRES_FATAL_ERROR && std::exchange(query->setting_, false)) return PQclear(result);
  if (status != PGRES_FATAL_ERROR) {
    query->prepared_ = true;
    query->result_.emplace(result);
    return;
  }
  query->error_ = to_error(connection_, result);
  // The next query prepares the statement again if this one could not, or not any more.
  const std::string_view state = sqlstate(result);
  const bool useless = !query->prepared_ || state == "26000" || state == "0A000";
  const auto prepared = prepared_.find(query->statement_);
  if (useless && prepared != prepared_.end() && prepared->second.by == query->prepared_by_) prepared_.erase(prepared);
  PQclear(result);
}

void AsyncConnection::State::finish_front() {
  Query* query = pending_.front();
  pending_.pop_front();
  show();
  answered_ = true;
  backoff_ = milliseconds(0);
  report({});
  if (query) finish(*query);
}

void AsyncConnection::State::finish(Query& query) {
  query.done_ = true;
  if (query.awaiting_) std::exchange(query.awaiting_, nullptr).resume();
}

void AsyncConnection::State::fail_all(const Error& error) {
  for (Query* query : pending_) failing_.push_back(query);
  pending_.clear();
  show();
  // One by one: a coroutine that goes on may destroy another's query.
  while (!failing_.empty()) {
    Query* query = failing_.front();
    failing_.pop_front();
    if (!query) continue;
    query->error_ = std::make_exception_ptr(error);
    finish(*query);
  }
}

void AsyncConnection::State::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  drop_connection();
  timer_.cancel();
  fail_all(Error(ErrorCode::cancelled, "the server is stopping"));
}

// --- the interface -------------------------------------------------------------------------------------------------

AsyncConnection::Query::Query(const std::shared_ptr<State>& state, const Statement& statement,
                              std::vector<Value> parameters, const LocalSettings& settings)
    : state_(state), statement_(&statement), parameters_(std::move(parameters)) {
  for (const auto& [name, value] : settings) {
    settings_.emplace_back(name);
    settings_.emplace_back(value);
  }
  state_->start(*this);
}

AsyncConnection::Query::~Query() {
  if (!done_) state_->abandon(*this);
}

Result AsyncConnection::Query::await_resume() {
  if (error_) std::rethrow_exception(error_);
  if (!result_) throw Error(ErrorCode::internal, "a query ended without a result");
  return std::move(*result_);
}

AsyncConnection::AsyncConnection(boost::asio::io_context& context, AsyncConnectionOptions options)
    : state_(std::make_shared<State>(context, std::move(options))) {
  if (state_->options_.lazy) {
    state_->phase_ = State::Phase::idle;
    return;
  }
  boost::asio::post(context, [state = state_] { state->connect(); });
}

AsyncConnection::~AsyncConnection() { state_->close(); }

bool AsyncConnection::connected() const { return state_->phase_ == State::Phase::ready; }

void AsyncConnection::close() { state_->close(); }

}  // namespace wellhead::storage
