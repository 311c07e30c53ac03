// What was asked and answered: the request log and the numbers over the life of the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/fhirsim/faults.h"
#include "app/fhirsim/message.h"

namespace wellhead::fhirsim {

class RequestJournal {
 public:
  // Keeps the latest 100,000 requests.
  void add(const Request& request, const Reply& reply, FaultSubject subject);
  void clear_log() { log_.clear(); }

  // JSON lines: milliseconds (since start), method, target, body, status (0: reset), faults, traceparent.
  std::string log_lines() const;
  // One JSON object: requests, resources, bytes, by_status, rss_bytes, cpu_seconds, cpu_seconds_per_1000_mb.
  std::string statistics() const;

 private:
  struct Entry {
    double milliseconds = 0;
    std::string method, target, body;
    int status = 0;
    std::vector<std::string> faults;
    std::string traceparent;
  };

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::deque<Entry> log_;
  std::map<int, std::uint64_t> by_status_;
  std::uint64_t requests_ = 0;
  std::uint64_t resources_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace wellhead::fhirsim
