#include "library/webserver/server.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <future>
#include <mutex>
#include <vector>

#include "library/meta/error.h"
#include "library/webserver/worker_loop.h"

namespace wellhead::webserver {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

[[noreturn]] void bad_address(const std::string& listen, std::string_view why) {
  throw meta::Error(meta::ErrorCode::invalid_setting, "cannot listen on " + listen + ": " + std::string(why),
                    "Give another address as host:port, or end the program that has it");
}

tcp::endpoint parse_endpoint(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) bad_address(listen, "no port is given");
  std::string host = listen.substr(0, colon);
  const std::string_view digits = std::string_view(listen).substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || failed != std::errc{} || end != digits.data() + digits.size())
    bad_address(listen, "the port is no number");
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "*") host = "0.0.0.0";
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return {address, port};
  asio::io_context context;
  const auto found = tcp::resolver(context).resolve(host, std::to_string(port), error);
  if (error || found.empty()) bad_address(listen, "the host is not known");
  return found.begin()->endpoint();
}

constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nX-Content-Type-Options: nosniff\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n";

}  // namespace

struct Server::State {
  State(const RouteTable& table, ServerOptions options) {
    shared.table = &table;
    shared.options = std::move(options);
    unsigned threads = shared.options.threads;
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < threads; ++i) workers.push_back(std::make_unique<WorkerLoop>(i, shared));
  }

  void listen();
  void accept();
  void accepted(WorkerLoop& worker, Socket socket);
  std::string counted_client(const Socket& socket) const;
  void accept_later();
  bool wait_until_joined(std::chrono::milliseconds limit);

  ServerShared shared;
  std::vector<std::unique_ptr<WorkerLoop>> workers;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<Timer> accept_timer;
  std::size_t next_worker = 0;
  std::uint16_t port = 0;
  std::mutex stop_mutex;
  bool running = false;
};

void Server::State::listen() {
  const tcp::endpoint endpoint = parse_endpoint(shared.options.listen);
  auto& context = workers.front()->context();
  acceptor = std::make_unique<Acceptor>(context.get_executor());
  accept_timer = std::make_unique<Timer>(context.get_executor());
  boost::system::error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(1024, error);
  if (!error) port = acceptor->local_endpoint(error).port();
  if (error) bad_address(shared.options.listen, error.message());
}

// Connections go to the workers in turn: few busy clients spread evenly, which the kernel's hashing by address does not
// do.
void Server::State::accept() {
  WorkerLoop& worker = *workers[next_worker++ % workers.size()];
  acceptor->async_accept(worker.context().get_executor(),
                         [this, &worker](const boost::system::error_code& error, Socket socket) {
                           if (error == asio::error::operation_aborted || !acceptor->is_open()) return;
                           if (error) return accept_later();  // out of file descriptors: some will come free
                           accepted(worker, std::move(socket));
                           accept();
                         });
}

void Server::State::accepted(WorkerLoop& worker, Socket socket) {
  boost::system::error_code ignored;
  std::string counted = counted_client(socket);
  const bool too_many = shared.connections.load() >= shared.options.limits.connections;
  if (too_many || (!counted.empty() && !shared.clients->open(counted))) {
    socket.non_blocking(true, ignored);
    // There is no TLS yet to say it by.
    if (!shared.certificate) socket.write_some(asio::buffer(kTooMany), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    return;
  }
  socket.set_option(tcp::no_delay(true), ignored);
  worker.adopt(std::move(socket), std::move(counted));
}

// Empty: it is not counted.
std::string Server::State::counted_client(const Socket& socket) const {
  if (!shared.clients) return {};
  boost::system::error_code gone;
  const auto other_end = socket.remote_endpoint(gone);
  if (gone || (other_end.address().is_loopback() && !shared.options.limits.count_loopback)) return {};
  return counted_address(other_end.address());
}

void Server::State::accept_later() {
  accept_timer->expires_after(std::chrono::milliseconds(100));
  accept_timer->async_wait([this](const boost::system::error_code& error) {
    if (!error) accept();
  });
}

bool Server::State::wait_until_joined(std::chrono::milliseconds limit) {
  std::promise<void> joined;
  std::future<void> done = joined.get_future();
  std::thread waiter([this, &joined] {
    for (const auto& worker : workers) worker->join();
    joined.set_value();
  });
  const bool in_time = done.wait_for(limit) == std::future_status::ready;
  if (!in_time) {
    for (const auto& worker : workers) worker->cut();
  }
  waiter.join();
  return in_time;
}

bool is_loopback(const std::string& listen) { return parse_endpoint(listen).address().is_loopback(); }

Server::Server(const RouteTable& table, ServerOptions options)
    : state_(std::make_unique<State>(table, std::move(options))) {}

Server::~Server() { stop(); }

std::size_t Server::workers() const { return state_->workers.size(); }

boost::asio::io_context& Server::context(std::size_t worker) { return state_->workers.at(worker)->context(); }

void Server::start() {
  const ServerOptions& options = state_->shared.options;
  const Limits& limits = options.limits;
  if (options.tls) state_->shared.certificate = std::make_unique<TlsCertificate>(*options.tls);
  if (limits.client_rate > 0 || limits.client_connections > 0) {
    state_->shared.clients = std::make_unique<ClientLimits>(limits.client_rate, limits.client_connections);
  }
  state_->listen();
  state_->accept();
  for (const auto& worker : state_->workers) worker->start();
  state_->running = true;
}

std::uint16_t Server::port() const { return state_->port; }

void Server::stop(const std::function<void(std::size_t)>& before_join) {
  const std::scoped_lock lock(state_->stop_mutex);
  if (!std::exchange(state_->running, false)) return;
  state_->workers.front()->post([state = state_.get()] {
    boost::system::error_code ignored;
    state->acceptor->close(ignored);
    state->accept_timer->cancel();
  });
  for (const auto& worker : state_->workers) {
    worker->finish([before_join, index = worker->index()] {
      if (before_join) before_join(index);
    });
  }
  state_->wait_until_joined(state_->shared.options.stop_limit);
}

}  // namespace wellhead::webserver
