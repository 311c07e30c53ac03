#include "app/wellhead/housekeeping.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "app/wellhead/table.h"
#include "library/meta/error.h"
#include "library/storage/postgres/blob_removal.h"
#include "service/access/idempotency_table.h"
#include "service/erasure/eraser.h"

namespace wellhead::app {
namespace {

constexpr auto kInterval = std::chrono::minutes(1);

}  // namespace

Housekeeping::Housekeeping(storage::ConnectionPool& database, storage::BlobStore& blobs,
                           std::chrono::seconds keep_blobs)
    : database_(database), blobs_(blobs), keep_blobs_(keep_blobs) {}

void Housekeeping::begin() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex idle;
    std::condition_variable_any wake;
    std::unique_lock lock(idle);
    do {
      tidy_up(stop);
    } while (!wake.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); }));
  });
}

void Housekeeping::tidy_up(const std::stop_token& stop) {
  try {
    const auto removed = storage::remove_expired_blobs(*database_.borrow(), blobs_, keep_blobs_, stop);
    erasure::remove_erased_blobs(*database_.borrow(), blobs_);
    access::remove_expired_idempotency_keys(*database_.borrow());
    failed_before_ = false;
    if (removed.blobs > 0) {
      spdlog::info("{} staged blobs of old runs deleted, {}", with_thousands(removed.blobs), bytes_text(removed.bytes));
    }
  } catch (const meta::Error& error) {
    // Once is enough: a database that is away for an hour is told of by others too.
    if (!std::exchange(failed_before_, true)) spdlog::warn("what is old was not deleted: {}", error.message());
  }
}

void Housekeeping::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace wellhead::app
