#include "library/webserver/worker_loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace wellhead::webserver {
namespace {

std::string random_prefix() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device device;
  std::string out;
  for (int i = 0; i < 8; ++i) out.push_back(digits[device() % 16]);
  return out + "-";
}

// Often enough for the shortest limit, seldom enough to cost nothing.
std::chrono::milliseconds sweep_interval(const Limits& limits) {
  const auto shortest = std::min({limits.header_time, limits.body_time, limits.idle_time, limits.write_time});
  return std::clamp(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(500));
}

}  // namespace

WorkerLoop::WorkerLoop(std::size_t index, ServerShared& shared)
    : index_(index),
      shared_(shared),
      context_(1),
      work_(context_.get_executor()),
      timer_(context_.get_executor()),
      id_prefix_(random_prefix()) {}

WorkerLoop::~WorkerLoop() { join(); }

void WorkerLoop::post(std::function<void()> function) { boost::asio::post(context_, std::move(function)); }

void WorkerLoop::post_after(std::chrono::milliseconds wait, std::function<void()> function) {
  const auto timer = std::make_shared<Timer>(context_.get_executor(), wait);
  timer->async_wait(
      [timer, function = std::move(function)](const boost::system::error_code& /*error*/) { function(); });
}

std::string WorkerLoop::next_request_id() { return id_prefix_ + std::to_string(++requests_); }

void WorkerLoop::start() {
  thread_ = std::thread([this] {
    sweep();
    context_.run();
  });
}

void WorkerLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void WorkerLoop::adopt(Socket socket, std::string counted) {
  boost::asio::post(context_, [this, socket = std::move(socket), counted = std::move(counted)]() mutable {
    if (finishing_) return;
    Session::serve(std::make_unique<Session>(*this, std::move(socket), std::move(counted)));
  });
}

void WorkerLoop::finish(std::function<void()> closing) {
  post([this, closing = std::move(closing)] {
    finishing_ = true;
    closing_ = closing;
    for (Session* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) session->finish();
    end_if_drained();
  });
}

void WorkerLoop::cut() {
  post([this] {
    call_closing();
    for (Session* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) session->cut();
  });
}

void WorkerLoop::add(Session& session) {
  sessions_.insert(&session);
  shared_.connections.fetch_add(1);
}

void WorkerLoop::remove(Session& session) {
  sessions_.erase(&session);
  shared_.connections.fetch_sub(1);
  end_if_drained();
}

void WorkerLoop::sweep() {
  // Cancelling the timer does not stop a sweep that is due already.
  if (ended_) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  for (Session* session : sessions_) session->check_deadline(now);
  timer_.expires_at(now + sweep_interval(shared_.options.limits));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

void WorkerLoop::end_if_drained() {
  if (!finishing_ || !sessions_.empty()) return;
  call_closing();
  ended_ = true;
  timer_.cancel();
  work_.reset();
}

void WorkerLoop::call_closing() {
  if (const auto closing = std::exchange(closing_, {})) closing();
}

}  // namespace wellhead::webserver
