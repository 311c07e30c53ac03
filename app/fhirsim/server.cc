#include "app/fhirsim/server.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "app/fhirsim/connection.h"
#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> accept_connections(asio::ip::tcp::acceptor* acceptor, Application* application,
                                         std::chrono::milliseconds idle_limit) {
  while (acceptor->is_open()) {
    auto [error, socket] = co_await acceptor->async_accept(asio::as_tuple(asio::use_awaitable));
    if (error) continue;
    asio::co_spawn(acceptor->get_executor(), serve_connection(std::move(socket), application, idle_limit),
                   asio::detached);
  }
}

}  // namespace

Server::Server(Application& application, const Options& options) : application_(application), options_(options) {
  try {
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(options_.address), options_.port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  } catch (const boost::system::system_error& error) {
    throw meta::Error(
        meta::ErrorCode::invalid_input,
        fmt::format("cannot listen on {} port {}: {}", options_.address, options_.port, error.code().message()),
        "give another --port, or --port 0 for any free one");
  }
}

void Server::run() {
  asio::signal_set signals(io_, SIGTERM, SIGINT);
  signals.async_wait([this](boost::system::error_code, int) { io_.stop(); });
  asio::co_spawn(io_, accept_connections(&acceptor_, &application_, options_.idle_limit), asio::detached);
  io_.run();
}

}  // namespace wellhead::fhirsim
