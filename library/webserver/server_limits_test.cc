// Large, slow and hasty clients, and a server that stops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "library/meta/error.h"
#include "library/webserver/testing/web_server.h"

namespace wellhead::webserver {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;
using testing::WebServer;

TEST_F(WebServer, BoundsHeadersAndBodies) {
  options_.limits.header_bytes = 2000;
  options_.limits.body_bytes = 5000;
  RawClient header(port());
  header.send("GET /echo/1 HTTP/1.1\r\nHost: a\r\nX-Large: " + std::string(4000, 'a') + "\r\n\r\n");
  EXPECT_EQ(header.read()->status, 431);
  RawClient announced(port());
  announced.send("POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 5001\r\n\r\n");
  EXPECT_EQ(announced.read()->status, 413);
  RawClient chunked(port());
  chunked.send("POST /words HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1770\r\n" +
               std::string(6000, 'a') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read()->status, 413);
  RawClient fits(port());
  EXPECT_EQ(
      fits.request("POST", "/words", "", "{\"word\":\"" + std::string(100, 'a') + "\"" + std::string(4000, ' ') + "}")
          .status,
      202);
}

TEST_F(WebServer, LosesNoAnswerToAClientThatStillSends) {
  options_.limits.body_bytes = 1000;
  RawClient client(port());
  client.send("POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'a'));
  const auto response = client.read();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 413);
}

TEST_F(WebServer, GivesUpOnSlowClients) {
  options_.limits.header_time = milliseconds(120);
  options_.limits.body_time = milliseconds(120);
  RawClient header(port());
  header.send("GET /echo/1 HTT");
  EXPECT_EQ(header.read()->status, 408);
  EXPECT_EQ(header.read_to_end(), "");
  RawClient body(port());
  body.send("POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_EQ(body.read()->status, 408);
}

TEST_F(WebServer, ClosesIdleConnections) {
  options_.limits.idle_time = milliseconds(1000);  // the request must come in less
  RawClient idle(port());
  EXPECT_EQ(idle.get("/echo/1").status, 200);
  EXPECT_EQ(idle.read_to_end(), "");
  RawClient silent(port());
  EXPECT_EQ(silent.read_to_end(), "");
}

// The time for a header counts from its first byte: sending a little now and then does not help.
TEST_F(WebServer, GivesUpOnClientsThatTrickle) {
  options_.limits.header_time = milliseconds(150);
  RawClient client(port());
  bool cut_off = false;
  std::thread trickle([&client, &cut_off] {
    try {
      for (int i = 0; i < 1000; ++i) {
        client.send("G");
        std::this_thread::sleep_for(milliseconds(10));
      }
    } catch (const std::runtime_error&) {
      cut_off = true;
    }
  });
  const auto response = client.read();
  trickle.join();
  EXPECT_TRUE(cut_off) << "still taken after ten seconds";
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 400 + 8);
}

// The one connection there may be comes free again.
TEST_F(WebServer, GivesUpOnClientsThatDoNotRead) {
  options_.limits.write_time = milliseconds(200);
  options_.limits.connections = 1;
  RawClient stuck(port());
  for (int i = 0; i < 6; ++i) stuck.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < until) {
    try {
      status = testing::get(port(), "/echo/1").status;
    } catch (const std::runtime_error&) {
      status = 0;  // a refused connection may be reset
    }
  }
  EXPECT_EQ(status, 200);
  EXPECT_LT(stuck.read_to_end().size(), 6U * (8 << 20));
}

TEST_F(WebServer, SendsLargeAnswersWhole) {
  const RawResponse response = testing::get(port(), "/large");
  EXPECT_EQ(response.body.size(), 8U << 20);
}

TEST_F(WebServer, BoundsTheNumberOfConnections) {
  options_.limits.connections = 2;
  RawClient first(port());
  RawClient second(port());
  EXPECT_EQ(first.get("/echo/1").status, 200);
  EXPECT_EQ(second.get("/echo/1").status, 200);
  RawClient third(port());
  const auto refused = third.read();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(first.get("/echo/1").status, 200);
}

TEST_F(WebServer, FinishesWhatIsInFlightWhenItStops) {
  RawClient busy(port());
  RawClient idle(port());
  EXPECT_EQ(idle.get("/echo/1").status, 200);
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  gate_.entered.get_future().wait();
  std::thread stopping([this] { server_->stop(); });
  EXPECT_EQ(idle.read_to_end(), "");
  gate_.open.set_value();
  const auto response = busy.read();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "7");
  EXPECT_EQ(response->header("connection"), "close");
  stopping.join();
  EXPECT_THROW(RawClient{server_->port()}, std::runtime_error);
}

TEST_F(WebServer, CutsOffWhatTakesTooLongToFinish) {
  options_.stop_limit = milliseconds(100);
  RawClient reader(port());
  reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(testing::get(port(), "/echo/1").status, 200);
  std::atomic<int> closed = 0;
  server_->stop([&closed](std::size_t) { ++closed; });
  EXPECT_EQ(closed, 2);
}

TEST_F(WebServer, StopsTwiceAndWithoutAStart) {
  start();
  server_->stop();
  server_->stop();
  Server never(table_, options_);
  never.stop();
}

// The sweep for slow clients must not outlive the stop that cancels it.
TEST_F(WebServer, StopsWheneverItIsAskedTo) {
  options_.limits.write_time = milliseconds(1);
  for (int i = 0; i < 200; ++i) {
    Server server(table_, options_);
    server.start();
    if (i % 4 == 0) {
      EXPECT_EQ(testing::get(server.port(), "/echo/1").status, 200);
    }
    if (i % 2 == 0) std::this_thread::sleep_for(milliseconds(5));  // about when the sweep is due
    server.stop();
  }
}

TEST_F(WebServer, SaysWhyItCannotListen) {
  options_.listen = "127.0.0.1:" + std::to_string(port());
  Server second(table_, options_);
  try {
    second.start();
    FAIL();
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::invalid_setting);
    EXPECT_THAT(error.message(), HasSubstr("cannot listen on " + options_.listen));
  }
  for (const std::string listen :
       {"localhost", "127.0.0.1:x", "127.0.0.1:99999", "203.0.113.7:0", "no.such.host.invalid:1"}) {
    options_.listen = listen;
    Server bad(table_, options_);
    EXPECT_THROW(bad.start(), meta::Error) << listen;
  }
}

TEST_F(WebServer, ServesManyClientsAtOnce) {
  const std::uint16_t at = port();
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([at, i, &answered] {
      RawClient client(at);
      for (int j = 0; j < 100; ++j) {
        const std::string id = std::to_string(i) + "." + std::to_string(j);
        if (client.get("/echo/" + id).body == id + "/-/10") ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 800);
}

}  // namespace
}  // namespace wellhead::webserver
