// HTTP/1.1 over plain sockets, on one thread: every connection is a coroutine that asks the Application and writes what
// it says, faults of the connection included.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "app/fhirsim/application.h"

namespace wellhead::fhirsim {

class Server {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;                                           // 0: any free one
    std::chrono::milliseconds idle_limit = std::chrono::seconds(30);  // then a connection is closed
  };
  // Listens already. Throws meta::Error{invalid_input} when the address is taken or malformed. application outlives
  // this.
  Server(Application& application, const Options& options);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  // Serves until SIGTERM or SIGINT.
  void run();

 private:
  Application& application_;
  Options options_;
  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::acceptor acceptor_{io_};
};

}  // namespace wellhead::fhirsim
