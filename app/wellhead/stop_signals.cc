#include "app/wellhead/stop_signals.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "app/wellhead/command.h"

namespace wellhead::app {
namespace {

bool is_ignored(int number) {
  struct sigaction found{};
  ::sigaction(number, nullptr, &found);
  return found.sa_handler == SIG_IGN;
}

}  // namespace

StopSignals::StopSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is then an error of write(), as a full disk is
  ::sigemptyset(&signals_);
  ::sigaddset(&signals_, SIGTERM);
  for (const int number : {SIGINT, SIGHUP}) {
    if (!is_ignored(number)) ::sigaddset(&signals_, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  thread_ = std::thread([this] { serve(); });
}

StopSignals::~StopSignals() {
  ending_ = true;
  ::pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread): sigwait() takes it
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopSignals::serve() {
  for (;;) {
    int number = 0;
    if (::sigwait(&signals_, &number) != 0) continue;
    if (ending_) return;
    if (!source_.request_stop()) ::_exit(kWorkFailed);
  }
}

void StopSignals::wait() const {
  while (!wait_for(std::chrono::hours(1))) {
  }
}

bool StopSignals::wait_for(std::chrono::milliseconds time) const {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, source_.get_token(), time, [] { return false; });
  return requested();
}

}  // namespace wellhead::app
