// Writing to a session's connection, by TLS or not. Internal to the server.
#pragma once

#include <boost/asio/write.hpp>
#include <utility>

#include "library/webserver/session.h"

namespace wellhead::webserver {

template <class Buffers, class Handler>
void Session::start_write(const Buffers& buffers, Handler handler) {
  if (tls_) {
    boost::asio::async_write(*tls_, buffers, std::move(handler));
  } else {
    boost::asio::async_write(socket_, buffers, std::move(handler));
  }
}

}  // namespace wellhead::webserver
