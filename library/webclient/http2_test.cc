// HTTP/2 over TLS against nghttpd, the server of the nghttp2 project. Its log says what came over which connection.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "library/webclient/http.h"
#include "library/webclient/testing/scripted_server.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/process.h"

namespace wellhead::webclient {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

int free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool found = bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(listener);
  if (!found) throw std::runtime_error("no port is free");
  return ntohs(address.sin_port);
}

class Nghttpd {
 public:
  Nghttpd() {
    write("key.pem", certificate_.key_pem);
    write("certificate.pem", certificate_.pem);
    for (int tries = 0; !process_; ++tries) start(tries);
  }

  void write(const std::string& path, std::string_view content) const {
    std::filesystem::create_directories((directory_.path() / path).parent_path());
    std::ofstream(directory_.path() / path, std::ios::binary) << content;
  }

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  std::string ca_file() const { return directory_.path() / "certificate.pem"; }
  std::string log() const { return process_->output(); }

  // "1 /page": by which connection a request came, and for what; in order, once the log has that many.
  std::vector<std::string> requests(std::size_t count) const {
    static const std::regex line(R"(\[id=(\d+)\][^\n]*recv \(stream_id=\d+\) :path: (\S+))");
    std::vector<std::string> found;
    for (int tries = 0; tries < 1000 && found.size() < count; ++tries) {
      found.clear();
      const auto text = log();
      for (auto at = std::sregex_iterator(text.begin(), text.end(), line); at != std::sregex_iterator(); ++at) {
        found.push_back((*at)[1].str() + " " + (*at)[2].str());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return found;
  }

  // The same address, and every connection gone.
  void restart() {
    process_.reset();
    for (int tries = 0; !process_; ++tries) listen(tries);
  }

 private:
  void start(int tries) {
    port_ = free_port();
    listen(tries);
  }

  void listen(int tries) {
    if (tries == 20) throw std::runtime_error(WELLHEAD_NGHTTPD " does not start; is nghttp2-server installed?");
    process_.emplace(
        WELLHEAD_NGHTTPD,
        std::vector<std::string>{"--verbose", "--address=127.0.0.1", "--htdocs=" + directory_.path().string(),
                                 std::to_string(port_), directory_.path() / "key.pem", ca_file()},
        std::map<std::string, std::string>{});
    while (process_->running() && log().find("listen") == std::string::npos) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (!process_->running()) process_.reset();  // someone else has taken the port
  }

  const testing::Certificate certificate_;
  fixture::TestDirectory directory_;
  int port_ = 0;
  std::optional<fixture::Process> process_;
};

HttpSettings settings_for(const Nghttpd& server) {
  HttpSettings settings;
  settings.source_url = server.url();
  settings.ca_file = server.ca_file();
  settings.retry.delay = std::chrono::milliseconds(5);
  return settings;
}

HttpRequest get(std::string url) { return {.url = std::move(url)}; }

TEST(Http2, IsNegotiatedAndKeepsItsConnection) {
  Nghttpd server;
  server.write("first", "one");
  server.write("second", "two");
  HttpClient client(settings_for(server));
  const auto first = client.send(get(server.url() + "/first?a=b"));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "one");
  EXPECT_TRUE(first.delimited) << "a stream says where it ends";
  EXPECT_EQ(client.send(get(server.url() + "/second")).body, "two");
  EXPECT_EQ(client.send(get(server.url() + "/none")).status, 404);
  EXPECT_THAT(server.requests(3), ElementsAre("1 /first?a=b", "1 /second", "1 /none"));
  EXPECT_THAT(server.log(), HasSubstr("The negotiated protocol: h2"));
  EXPECT_EQ(client.traffic().requests, 3U);
  EXPECT_EQ(client.traffic().retries, 0U);
}

TEST(Http2, TakesABodyOfManyFramesAndSendsOne) {
  Nghttpd server;
  std::string large;
  while (large.size() < (std::size_t{5} << 20)) large += std::to_string(large.size()) + "\n";
  server.write("large", large);
  HttpClient client(settings_for(server));
  EXPECT_TRUE(client.send(get(server.url() + "/large")).body == large);
  const auto posted = client.send({.method = HttpRequest::Method::post,
                                   .url = server.url() + "/large",
                                   .body = std::string(100'000, 'x'),
                                   .content_type = "application/x-www-form-urlencoded"});
  EXPECT_TRUE(posted.body == large);
  EXPECT_THAT(server.requests(2), ElementsAre("1 /large", "1 /large"));
  EXPECT_THAT(server.log(), HasSubstr(":method: POST"));

  auto settings = settings_for(server);
  settings.max_response_bytes = 1 << 20;
  HttpClient modest(settings);
  try {
    modest.send(get(server.url() + "/large"));
    ADD_FAILURE() << "an answer that is too large was taken";
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::source_limit) << error.what();
  }
}

TEST(Http2, ALostConnectionIsReplaced) {
  Nghttpd server;
  server.write("page", "here");
  HttpClient client(settings_for(server));
  EXPECT_EQ(client.send(get(server.url() + "/page")).body, "here");
  server.restart();
  EXPECT_EQ(client.send(get(server.url() + "/page")).body, "here");
  EXPECT_EQ(client.send(get(server.url() + "/page")).body, "here");
  EXPECT_THAT(server.requests(2), ElementsAre("1 /page", "1 /page")) << "of the new server";
}

TEST(Http2, EveryClientHasAConnectionOfItsOwn) {
  Nghttpd server;
  server.write("page", "here");
  HttpShare share;
  std::atomic<int> answers = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        HttpClient client(settings_for(server), &share);
        for (int request = 0; request < 5; ++request) {
          answers += client.send(get(server.url() + "/page")).body == "here" ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(answers, 20);
  const auto requests = server.requests(20);
  EXPECT_EQ(requests.size(), 20U);
  EXPECT_EQ(std::set(requests.begin(), requests.end()).size(), 4U);
}

}  // namespace
}  // namespace wellhead::webclient
