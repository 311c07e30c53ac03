// Awaits one operation on a socket. Internal to the server.
#pragma once

#include <boost/system/error_code.hpp>
#include <coroutine>
#include <cstddef>
#include <utility>

namespace wellhead::webserver {

// `start` is given the completion handler.
template <class Start>
class Operation {
 public:
  explicit Operation(Start start) : start_(std::move(start)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    start_([this, awaiting](const boost::system::error_code& error, std::size_t bytes) {
      error_ = error;
      bytes_ = bytes;
      awaiting.resume();
    });
  }
  std::pair<boost::system::error_code, std::size_t> await_resume() const noexcept { return {error_, bytes_}; }

 private:
  Start start_;
  boost::system::error_code error_;
  std::size_t bytes_ = 0;
};

}  // namespace wellhead::webserver
