// What has to be tidied up while loads are run: staged blobs whose time is over (WELLHEAD_KEEP_BLOBS), blobs of erased
// patients, Idempotency-Keys of yesterday. It never disturbs a load: what goes wrong is logged and tried again.
#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::app {

class Housekeeping {
 public:
  // database and blobs outlive it.
  Housekeeping(storage::ConnectionPool& database, storage::BlobStore& blobs, std::chrono::seconds keep_blobs);
  ~Housekeeping() { stop(); }
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

  // Tidies up now and again every minute, on a thread of its own, until stop().
  void begin();
  // Tidies up now; blocks. For whoever ends when its runs have.
  void tidy_up(const std::stop_token& stop = {});
  // Idempotent; waits for the portion in hand.
  void stop();

 private:
  storage::ConnectionPool& database_;
  storage::BlobStore& blobs_;
  std::chrono::seconds keep_blobs_;
  bool failed_before_ = false;
  std::jthread thread_;
};

}  // namespace wellhead::app
