// One of the server's event loops with its thread and the connections that live on it. Internal to the server.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>

#include "library/webserver/client_limits.h"
#include "library/webserver/session.h"
#include "library/webserver/tls.h"

namespace wellhead::webserver {

// What the workers share.
struct ServerShared {
  const RouteTable* table = nullptr;
  ServerOptions options;
  std::atomic<std::size_t> connections = 0;
  std::unique_ptr<TlsCertificate> certificate;  // null: no TLS
  std::unique_ptr<ClientLimits> clients;        // null: no limits
};

class WorkerLoop final : public Worker {
 public:
  WorkerLoop(std::size_t index, ServerShared& shared);
  ~WorkerLoop() override;

  std::size_t index() const override { return index_; }
  void post(std::function<void()> function) override;
  void post_after(std::chrono::milliseconds wait, std::function<void()> function) override;
  bool stopping() const override { return finishing_; }

  boost::asio::io_context& context() { return context_; }
  ServerShared& shared() { return shared_; }
  std::string next_request_id();

  void start();
  void join();
  // All three from any thread. adopt: a connection and, unless it is empty, the client that it is counted of. finish:
  // connections end when they are answered; cut: now. closing is called once, on this thread, before the loop ends:
  // when the last connection is gone, or by cut, because a handler may wait for what it closes.
  void adopt(Socket socket, std::string counted);
  void finish(std::function<void()> closing);
  void cut();

  void add(Session& session);
  void remove(Session& session);

 private:
  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;

  void sweep();
  void end_if_drained();
  void call_closing();

  std::size_t index_;
  ServerShared& shared_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Timer timer_;
  std::unordered_set<Session*> sessions_;
  std::thread thread_;
  std::string id_prefix_;
  std::uint64_t requests_ = 0;
  bool finishing_ = false;
  bool ended_ = false;
  std::function<void()> closing_;
};

}  // namespace wellhead::webserver
