#include "service/api/shared_secrets.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::api {
namespace {

constexpr std::chrono::seconds kPause{1};
constexpr std::string_view kRead = "SELECT name, encode(secret, 'hex') FROM shared_secret";

}  // namespace

SharedSecrets::SharedSecrets(std::string database_url,
                             std::function<void(const std::string& name, const std::string& key)> take)
    : database_url_(std::move(database_url)), take_(std::move(take)) {}

SharedSecrets::~SharedSecrets() { stop(); }

bool SharedSecrets::read() {
  try {
    storage::Connection connection(database_url_, storage::ConnectionOptions{.application_name = "wellhead secrets",
                                                                             .connect_timeout_seconds = 5,
                                                                             .statement_timeout_seconds = 10});
    const auto rows = connection.query(kRead);
    for (int row = 0; row < rows.rows(); ++row) take_(std::string(rows.text(row, 0)), std::string(rows.text(row, 1)));
    return !rows.empty();
  } catch (const meta::Error& error) {
    spdlog::debug("the shared secrets cannot be read: {}", error.message());
    return false;
  }
}

void SharedSecrets::start() {
  if (read()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex idle;
    std::condition_variable_any wake;
    std::unique_lock lock(idle);
    while (!wake.wait_for(lock, stop, kPause, [&] { return stop.stop_requested(); })) {
      if (read()) return;
    }
  });
}

void SharedSecrets::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace wellhead::api
