// The lease of the journal, on a connection of its own that also holds the session lock of the epoch. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

[[noreturn]] void throw_lease_lost();

class JournalLease {
 public:
  explicit JournalLease(std::string url) : url_(std::move(url)) {}

  std::optional<std::int64_t> acquire(const std::string& owner, std::chrono::milliseconds duration);
  void renew(std::int64_t epoch, std::chrono::milliseconds duration);
  void release(std::int64_t epoch);

 private:
  Connection& connection();
  void disconnect();
  std::optional<std::int64_t> take_over(const std::string& owner, std::chrono::milliseconds duration);

  const std::string url_;
  std::mutex mutex_;
  std::optional<Connection> connection_;
  std::int64_t locked_epoch_ = 0;  // whose session lock connection_ holds; 0: none
};

}  // namespace wellhead::storage
