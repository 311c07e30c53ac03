#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/metrics.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/pool_gauges.h"

namespace wellhead::storage {
namespace {

constexpr auto kPauseBetweenTries = std::chrono::milliseconds(200);

// A server that went away while the connection lay idle has closed the socket, which makes it readable; nothing else is
// expected on an idle connection.
bool still_open(Connection& connection) {
  pollfd socket = {.fd = PQsocket(connection.native()), .events = POLLIN, .revents = 0};
  return connection.idle() && poll(&socket, 1, 0) == 0;
}

struct PoolMetrics {
  meta::HistogramFamily wait{"wellhead_database_connection_wait_seconds",
                             "How long it took to be lent a connection, making it included, by pool.",
                             {"pool"},
                             {0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}};
};

PoolMetrics& pool_metrics() {
  static PoolMetrics all;
  return all;
}

}  // namespace

struct ConnectionPool::State {
  State(std::string where, int most, ConnectionOptions given)
      : url(std::move(where)), limit(most), options(std::move(given)), gauges(options.application_name) {
    show();
  }

  const std::string url;
  const int limit;
  const ConnectionOptions options;
  std::mutex mutex;
  std::condition_variable returned;
  int lent = 0;
  std::vector<std::unique_ptr<Connection>> idle;
  std::chrono::milliseconds patience{0};
  std::condition_variable patience_changed;

  PoolGauges gauges;

  // Under the mutex.
  void show() { gauges.show({.lent = lent, .idle = static_cast<int>(idle.size()), .limit = limit}); }
  std::unique_ptr<Connection> connect();
  bool may_try_again(std::chrono::steady_clock::time_point begin);
};

std::unique_ptr<Connection> ConnectionPool::State::connect() {
  for (const auto begin = std::chrono::steady_clock::now();;) {
    try {
      return std::make_unique<Connection>(url, options);
    } catch (const meta::Error& error) {
      if (error.code() != meta::ErrorCode::database_unreachable || !may_try_again(begin)) throw;
    }
  }
}

// After a pause.
bool ConnectionPool::State::may_try_again(std::chrono::steady_clock::time_point begin) {
  const auto over = [&] { return std::chrono::steady_clock::now() - begin >= patience; };
  std::unique_lock lock(mutex);
  patience_changed.wait_for(lock, kPauseBetweenTries, over);
  return !over();
}

ConnectionPool::ConnectionPool(std::string url, int limit, ConnectionOptions options)
    : state_(std::make_unique<State>(std::move(url), limit, std::move(options))) {}

ConnectionPool::~ConnectionPool() = default;

const std::string& ConnectionPool::url() const { return state_->url; }

ConnectionPool::Lease ConnectionPool::borrow() {
  std::unique_ptr<Connection> connection;
  const auto begun = std::chrono::steady_clock::now();
  {
    std::unique_lock lock(state_->mutex);
    state_->returned.wait(lock, [this] { return state_->lent < state_->limit; });
    ++state_->lent;
    if (!state_->idle.empty()) {
      connection = std::move(state_->idle.back());
      state_->idle.pop_back();
    }
    state_->show();
  }
  try {
    if (connection == nullptr || !still_open(*connection)) {
      connection = state_->connect();
    }
  } catch (...) {
    give_back(nullptr);
    throw;
  }
  pool_metrics().wait.observe({state_->options.application_name},
                              std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return Lease(*this, std::move(connection));
}

void ConnectionPool::set_patience(std::chrono::milliseconds patience) {
  const std::lock_guard lock(state_->mutex);
  state_->patience = patience;
  state_->patience_changed.notify_all();
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  const bool keep = connection != nullptr && connection->idle();
  {
    const std::lock_guard lock(state_->mutex);
    --state_->lent;
    if (keep) state_->idle.push_back(std::move(connection));
    state_->show();
  }
  state_->returned.notify_one();
}

ConnectionPool::Lease::Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}

ConnectionPool::Lease::~Lease() {
  if (connection_ != nullptr) pool_->give_back(std::move(connection_));
}

}  // namespace wellhead::storage
