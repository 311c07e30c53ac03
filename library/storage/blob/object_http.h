// Requests to an object store over libcurl: one attempt each, bodies streamed both ways, connections kept. Private to
// this folder.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/blob/object_settings.h"
#include "library/storage/blob/spool.h"

namespace wellhead::storage {

struct ObjectRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "name: value"
  // The body: text, or `length` bytes of the spool from `offset`.
  std::string text;
  const Spool* spool = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  // For libcurl's AWS signature V4: "aws:amz:region:s3" and the keys. Empty: not signed by libcurl.
  std::string signature, user, password;
};

struct ObjectAnswer {
  int status = 0;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::string body;                                         // what no receiver took; at most 16 MiB

  bool good() const { return status >= 200 && status < 300; }
  std::string header(std::string_view name) const;
};

// Why there is no answer. repeat: the same request may well succeed in a moment.
struct ObjectFailure {
  std::string what;
  std::string advice;
  bool repeat = false;
};

// How long to go on, shared by all calls of a store and changed while they run.
class Patience {
 public:
  explicit Patience(std::chrono::milliseconds patience) : patience_(patience) {}
  void set(std::chrono::milliseconds patience);
  std::chrono::milliseconds get() const;
  bool hurried() const { return get().count() == 0; }
  // Sleeps, but not on when the patience becomes less than `since` allows. Says whether the time was slept out.
  bool sleep(std::chrono::milliseconds time, std::chrono::steady_clock::time_point since,
             std::chrono::milliseconds limit);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::milliseconds patience_;
};

// Thread-safe; each call takes a connection of its own from those that are idle, or makes one.
class ObjectHttp {
 public:
  ObjectHttp(const ObjectStoreSettings& settings, const Patience& patience);
  ~ObjectHttp();
  ObjectHttp(const ObjectHttp&) = delete;
  ObjectHttp& operator=(const ObjectHttp&) = delete;

  // receive, if set, is given the body of a 2xx answer as it comes; what it throws ends the request and passes on.
  // Blocks; with no patience left for a few seconds at most, unless bytes flow.
  std::optional<ObjectFailure> perform(const ObjectRequest& request, ObjectAnswer& answer,
                                       const std::function<void(std::string_view)>& receive = {});

 private:
  class Connection;
  std::unique_ptr<Connection> borrow();

  const ObjectStoreSettings& settings_;
  const Patience& patience_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace wellhead::storage
