#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>

#include "app/fhirsim/application.h"

namespace wellhead::fhirsim {

// Serves one connection to its end. application outlives the coroutine.
boost::asio::awaitable<void> serve_connection(boost::asio::ip::tcp::socket socket, Application* application,
                                              std::chrono::milliseconds idle_limit);

}  // namespace wellhead::fhirsim
