#include "app/fhirsim/journal.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace wellhead::fhirsim {
namespace {

constexpr std::size_t kKept = 100'000;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Resident pages of this process (proc(5), statm).
std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

void RequestJournal::add(const Request& request, const Reply& reply, FaultSubject subject) {
  const bool answered = reply.ending != Reply::Ending::reset;
  const int status = answered ? reply.status : 0;
  ++requests_;
  ++by_status_[status];
  if (answered) {
    resources_ += reply.resources;
    bytes_ += reply.body.size();
  }
  const std::chrono::duration<double, std::milli> age = std::chrono::steady_clock::now() - start_;
  log_.push_back({age.count(), std::string(request.method), std::string(request.target), std::string(request.body),
                  status, std::move(subject.applied), std::string(request.traceparent)});
  if (log_.size() > kKept) log_.pop_front();
}

std::string RequestJournal::log_lines() const {
  std::string lines;
  for (const auto& entry : log_) {
    std::string faults;
    for (const auto& kind : entry.faults) faults += (faults.empty() ? "" : ",") + json_string(kind);
    lines += fmt::format(R"({{"milliseconds":{:.3f},"method":{},"target":{},"body":{},"status":{},"faults":[{}],)"
                         R"("traceparent":{}}})",
                         entry.milliseconds, json_string(entry.method), json_string(entry.target),
                         json_string(entry.body), entry.status, faults, json_string(entry.traceparent));
    lines += '\n';
  }
  return lines;
}

std::string RequestJournal::statistics() const {
  std::string by_status;
  for (const auto& [status, count] : by_status_) {
    by_status += fmt::format(R"({}"{}":{})", by_status.empty() ? "" : ",", status, count);
  }
  const double cpu = cpu_seconds();
  const double megabytes = static_cast<double>(bytes_) / 1e6;
  return fmt::format(
      R"({{"requests":{},"resources":{},"bytes":{},"by_status":{{{}}},"rss_bytes":{},"cpu_seconds":{:.3f},)"
      R"("cpu_seconds_per_1000_mb":{:.3f}}})",
      requests_, resources_, bytes_, by_status, resident_bytes(), cpu, megabytes > 0 ? cpu / megabytes * 1000 : 0);
}

}  // namespace wellhead::fhirsim
