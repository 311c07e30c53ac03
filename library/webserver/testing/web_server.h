// A server with a few routes that answer, fail, wait and say much, for tests.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "library/webserver/blocking_pool.h"
#include "library/webserver/server.h"
#include "library/webserver/testing/raw_client.h"

namespace wellhead::webserver::testing {

// Waits in a handler until the test says so.
struct Gate {
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  std::promise<void> entered;
};

class WebServer : public ::testing::Test {
 protected:
  WebServer();

  void start() {
    server_ = std::make_unique<Server>(table_, options_);
    server_->start();
  }
  std::uint16_t port() {
    if (!server_) start();
    return server_->port();
  }
  std::vector<std::string> records() {
    const std::scoped_lock lock(mutex_);
    return records_;
  }

  RouteTable table_;
  BlockingPool pool_;
  Gate gate_;
  ServerOptions options_;
  std::mutex mutex_;
  std::vector<std::string> records_;
  std::unique_ptr<Server> server_;
};

}  // namespace wellhead::webserver::testing
