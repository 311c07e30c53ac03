// SIGINT, SIGTERM and SIGHUP as a stop token. Make one before the first thread: the signals are blocked in the thread
// that makes it and in all threads it starts later, and taken by a thread of this object. A second signal ends the
// process at once; what was running then goes on at the next start, as after a crash. SIGINT and SIGHUP stay ignored
// where whoever started the program ignores them, as nohup does.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <stop_token>
#include <thread>

namespace wellhead::app {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }
  // Blocks until a signal came.
  void wait() const;
  // The same, at most so long. Returns requested().
  bool wait_for(std::chrono::milliseconds time) const;

 private:
  void serve();

  sigset_t signals_{};
  sigset_t before_{};
  std::stop_source source_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace wellhead::app
