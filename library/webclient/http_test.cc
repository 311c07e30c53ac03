// One request and its answer: connections, encodings, limits, credentials, redirects, TLS, stopping.
#include "library/webclient/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "library/meta/logging.h"
#include "library/webclient/testing/scripted_server.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using testing::Certificate;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Received;
using testing::Reply;
using testing::ScriptedServer;
using Clock = std::chrono::steady_clock;

HttpSettings once() {
  HttpSettings settings;
  settings.retry.attempts = 1;
  return settings;
}

HttpRequest get(std::string url) { return {.url = std::move(url)}; }

Error error_of(HttpClient& client, const HttpRequest& request, std::stop_token stop = {}) {
  try {
    client.send(request, std::move(stop));
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "no error was thrown");
}

std::string gzip(std::string_view text) {
  z_stream stream = {};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    std::string path = std::filesystem::temp_directory_path() / "wellhead-webclient-XXXXXX";
    close(mkstemp(path.data()));
    path_ = path;
    write(content);
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  void write(std::string_view content) const { std::ofstream(path_) << content; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Http, KeepsTheConnectionAndCountsTraffic) {
  ScriptedServer server(
      [](const Received&) { return Reply{.headers = {{"Content-Type", "text/plain"}}, .body = "hello"}; });
  HttpClient client(once());
  for (int i = 0; i < 3; ++i) {
    const auto response = client.send(get(server.url() + "/x?y=1"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.content_type, "text/plain");
    EXPECT_TRUE(response.delimited);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.received()[0].target, "/x?y=1");
  EXPECT_EQ(server.received()[0].headers.at("user-agent"), "wellhead");
  EXPECT_EQ(client.traffic().requests, 3U);
  EXPECT_EQ(client.traffic().retries, 0U);
  EXPECT_EQ(client.traffic().bytes, 15U);
}

TEST(HttpClientTrace, GoesOnToTheSourceAlone) {
  ScriptedServer server([](const Received&) { return Reply{.body = "{}"}; });
  ScriptedServer other([](const Received&) { return Reply{.body = "{}"}; });
  auto settings = once();
  settings.source_url = server.url();
  HttpClient client(settings);
  client.send(get(server.url() + "/none"));
  meta::LogFields fields;
  fields.trace = meta::TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const meta::LogScope scope(fields);
  client.send(get(server.url() + "/x"));
  client.send(get(other.url() + "/x"));
  EXPECT_FALSE(server.received().at(0).headers.contains("traceparent"));
  const auto passed = meta::TraceContext::parse(server.received().at(1).headers.at("traceparent"));
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->trace_id, fields.trace->trace_id);
  EXPECT_NE(passed->parent_id, fields.trace->parent_id);
  EXPECT_TRUE(passed->sampled);
  EXPECT_FALSE(other.received().at(0).headers.contains("traceparent"));
}

TEST(Http, PostsAForm) {
  ScriptedServer server([](const Received& request) { return Reply{.body = request.body}; });
  HttpClient client(once());
  const std::string form(100'000, 'x');
  const auto response = client.send({.method = HttpRequest::Method::post,
                                     .url = server.url() + "/Patient/_search",
                                     .body = form,
                                     .content_type = "application/x-www-form-urlencoded"});
  EXPECT_EQ(response.body, form);
  const auto request = server.received().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_FALSE(request.headers.contains("expect"));
}

TEST(Http, ReadsChunkedAndCloseDelimitedBodies) {
  ScriptedServer server([](const Received& request) {
    return Reply{.body = "some text",
                 .framing = request.target == "/chunked" ? Reply::Framing::chunked : Reply::Framing::until_close};
  });
  HttpClient client(once());
  const auto chunked = client.send(get(server.url() + "/chunked"));
  EXPECT_EQ(chunked.body, "some text");
  EXPECT_TRUE(chunked.delimited);
  const auto closed = client.send(get(server.url() + "/closed"));
  EXPECT_EQ(closed.body, "some text");
  EXPECT_FALSE(closed.delimited);
}

TEST(Http, DecompressesWhenAsked) {
  const std::string text(50'000, 'a');
  ScriptedServer server([&](const Received& request) {
    if (!request.headers.contains("accept-encoding")) return Reply{.body = text};
    return Reply{.headers = {{"Content-Encoding", "gzip"}}, .body = gzip(text)};
  });
  auto settings = once();
  settings.compression = Compression::always;
  HttpClient always(settings);
  EXPECT_EQ(always.send(get(server.url())).body, text);
  EXPECT_LT(always.traffic().bytes, 1000U);
  HttpClient automatic(once());  // this machine's own server is not asked to compress
  EXPECT_EQ(automatic.send(get(server.url())).body, text);
  EXPECT_EQ(automatic.traffic().bytes, text.size());
}

TEST(Http, BoundsTheBodyAfterDecompression) {
  ScriptedServer server([&](const Received&) {
    return Reply{.headers = {{"Content-Encoding", "gzip"}}, .body = gzip(std::string(2'000'000, 'a'))};
  });
  auto settings = once();
  settings.compression = Compression::always;
  settings.max_response_bytes = 1'000'000;
  HttpClient client(settings);
  const auto error = error_of(client, get(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::source_limit);
  EXPECT_THAT(error.message(), HasSubstr("1000000 bytes"));
  EXPECT_FALSE(error.retryable());
}

TEST(Http, TakesABodyOfExactlyTheLimit) {
  ScriptedServer server([&](const Received&) { return Reply{.body = std::string(1000, 'a')}; });
  auto settings = once();
  settings.max_response_bytes = 1000;
  EXPECT_EQ(HttpClient(settings).send(get(server.url())).body.size(), 1000U);
  settings.max_response_bytes = 999;
  HttpClient client(settings);
  EXPECT_EQ(error_of(client, get(server.url())).code(), ErrorCode::source_limit);
}

TEST(Http, SilenceIsATimeout) {
  ScriptedServer server([](const Received&) { return Reply{.body = "0123456789", .cut_after = 5, .hang = true}; });
  auto settings = once();
  settings.read_timeout = milliseconds(150);
  HttpClient client(settings);
  const auto start = Clock::now();
  const auto error = error_of(client, get(server.url() + "/Patient?address-postalcode=02139"));
  EXPECT_EQ(error.code(), ErrorCode::source_timeout);
  EXPECT_THAT(error.message(), HasSubstr("no byte for 150 ms"));
  EXPECT_THAT(error.message(), HasSubstr("GET http://127.0.0.1:"));
  EXPECT_THAT(error.message(), Not(HasSubstr("02139")));
  EXPECT_GE(Clock::now() - start, milliseconds(150));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(30));
}

TEST(Http, AStopEndsATransferAtOnce) {
  std::promise<void> asked;
  ScriptedServer server([&](const Received&) {
    asked.set_value();
    return Reply{.body = "0123456789", .cut_after = 0, .hang = true};
  });
  HttpClient client(once());
  std::stop_source stop;
  Clock::time_point stopped;
  std::jthread stopper([&] {
    asked.get_future().wait();
    stopped = Clock::now();
    stop.request_stop();
  });
  EXPECT_EQ(error_of(client, get(server.url()), stop.get_token()).code(), ErrorCode::cancelled);
  EXPECT_LT(Clock::now() - stopped, std::chrono::seconds(20)) << "it waited for the read timeout, a minute";
}

TEST(Http, NobodyThereIsUnreachable) {
  std::string url;
  {
    const ScriptedServer gone([](const Received&) { return Reply{}; });
    url = gone.url();
  }
  HttpClient client(once());
  const auto error = error_of(client, get(url));
  EXPECT_EQ(error.code(), ErrorCode::source_unreachable);
  EXPECT_THAT(error.advice(), HasSubstr("WELLHEAD_SOURCE_URL"));
  EXPECT_TRUE(error.retryable());
}

TEST(Http, AnswersThatAreNotRepeatedComeBack) {
  ScriptedServer server(
      [](const Received& request) { return Reply{.status = std::stoi(request.target.substr(1)), .body = "no"}; });
  HttpSettings settings;  // with its retries
  HttpClient client(settings);
  for (const int status : {400, 401, 403, 404, 410, 422}) {
    EXPECT_EQ(client.send(get(server.url() + "/" + std::to_string(status))).status, status);
  }
  EXPECT_EQ(client.traffic().requests, 6U);
}

TEST(Http, SendsBasicCredentialsFromTheUrl) {
  ScriptedServer server([](const Received&) { return Reply{}; });
  auto settings = once();
  settings.source_url = "http://ann:secret@127.0.0.1:" + std::to_string(server.port()) + "/fhir";
  HttpClient client(settings);
  client.send(get(server.url()));
  EXPECT_EQ(server.received()[0].headers.at("authorization"), "Basic YW5uOnNlY3JldA==");
}

TEST(Http, ReadsTheTokenFileAgainOnceWhenTheTokenIsRefused) {
  const TemporaryFile file("old\n");
  ScriptedServer server([](const Received& request) {
    return Reply{.status = request.headers.at("authorization") == "Bearer new" ? 200 : 401};
  });
  auto settings = once();
  settings.source_url = server.url();
  settings.credentials.token_file = file.path();
  HttpClient client(settings);
  EXPECT_EQ(client.send(get(server.url())).status, 401);  // the file has no other token yet
  EXPECT_EQ(client.traffic().requests, 1U);
  file.write("new \n");
  EXPECT_EQ(client.send(get(server.url())).status, 200);
  EXPECT_EQ(client.traffic().requests, 3U);
  file.write("newer\n");
  EXPECT_EQ(client.send(get(server.url())).status, 200);  // a token that works is kept
}

TEST(Http, RefusesContradictingOrBrokenCredentials) {
  HttpSettings settings;
  settings.credentials.token = "a";
  settings.credentials.user = "b";
  EXPECT_THROW(HttpClient{settings}, Error);
  settings.credentials = {.token = "a\r\nX-Injected: 1"};
  EXPECT_THROW(HttpClient{settings}, Error);
  settings.credentials = {.token_file = "/nonexistent/token"};
  try {
    HttpClient client(settings);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_setting);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/token"));
  }
}

TEST(Http, RedirectsElsewhereCarryNoCredentials) {
  ScriptedServer other([](const Received&) { return Reply{.body = "moved here"}; });
  ScriptedServer server([&](const Received& request) {
    if (request.target == "/a") return Reply{.status = 302, .headers = {{"Location", "/b"}}};
    return Reply{.status = 307, .headers = {{"Location", other.url() + "/c"}}};
  });
  for (const bool token : {true, false}) {
    auto settings = once();
    settings.source_url = server.url();
    settings.credentials = token ? Credentials{.token = "secret"} : Credentials{.user = "ann", .password = "secret"};
    HttpClient client(settings);
    const auto response = client.send(get(server.url() + "/a"));
    EXPECT_EQ(response.body, "moved here");
    EXPECT_EQ(response.url, other.url() + "/c");
    EXPECT_EQ(client.traffic().requests, 3U);
  }
  for (const auto& request : server.received())
    EXPECT_TRUE(request.headers.contains("authorization")) << request.target;
  ASSERT_EQ(other.received().size(), 2U);
  for (const auto& request : other.received()) EXPECT_FALSE(request.headers.contains("authorization"));
}

TEST(Http, RedirectsAreBounded) {
  ScriptedServer server([&](const Received&) { return Reply{.status = 301, .headers = {{"Location", "/again"}}}; });
  HttpClient client(HttpSettings{});
  EXPECT_EQ(error_of(client, get(server.url())).code(), ErrorCode::source_limit);
  EXPECT_EQ(client.traffic().requests, 6U);
}

TEST(Http, APostStaysAPostAndGoesNowhereElse) {
  ScriptedServer other([](const Received&) { return Reply{}; });
  ScriptedServer server([&](const Received& request) {
    if (request.target == "/same") return Reply{.status = 301, .headers = {{"Location", "/there"}}};
    if (request.target == "/see") return Reply{.status = 303, .headers = {{"Location", "/result"}}};
    if (request.target == "/other") return Reply{.status = 308, .headers = {{"Location", other.url()}}};
    return Reply{.body = request.method + " " + request.body};
  });
  HttpClient client(once());
  const auto post = [&](const char* target) {
    return HttpRequest{
        .method = HttpRequest::Method::post, .url = server.url() + target, .body = "a=b", .content_type = "x/y"};
  };
  EXPECT_EQ(client.send(post("/same")).body, "POST a=b");
  EXPECT_EQ(client.send(post("/see")).body, "GET ");
  EXPECT_EQ(error_of(client, post("/other")).code(), ErrorCode::source_refused);
  EXPECT_TRUE(other.received().empty());
}

TEST(Http, FollowsNoRedirectOutOfTheWeb) {
  ScriptedServer server(
      [&](const Received&) { return Reply{.status = 302, .headers = {{"Location", "file:///etc/passwd"}}}; });
  HttpClient client(once());
  EXPECT_EQ(error_of(client, get(server.url())).code(), ErrorCode::source_refused);
}

TEST(Http, SpeaksTlsWithATrustedCertificateOnly) {
  const Certificate certificate;
  const TemporaryFile ca_file(certificate.pem);
  ScriptedServer plain([](const Received&) { return Reply{}; });
  ScriptedServer server(
      [&](const Received& request) {
        if (request.target == "/down") return Reply{.status = 302, .headers = {{"Location", plain.url()}}};
        return Reply{.body = "secure"};
      },
      &certificate);
  HttpClient distrusting(HttpSettings{});
  const auto error = error_of(distrusting, get(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::source_tls);
  EXPECT_THAT(error.advice(), HasSubstr("WELLHEAD_SOURCE_CA_FILE"));
  EXPECT_EQ(distrusting.traffic().requests, 1U);

  auto settings = once();
  settings.ca_file = ca_file.path();
  HttpShare share;
  HttpClient client(settings, &share);
  EXPECT_EQ(client.send(get(server.url())).body, "secure");
  EXPECT_EQ(client.send(get(server.url())).body, "secure");
  EXPECT_THAT(server.alpn_offer(), HasSubstr("h2"));
  EXPECT_EQ(error_of(client, get(server.url() + "/down")).code(), ErrorCode::source_refused);
  EXPECT_TRUE(plain.received().empty());
}

TEST(Http, TheWrongNameInACertificateIsATlsError) {
  const Certificate certificate;
  const TemporaryFile ca_file(certificate.pem);
  ScriptedServer server([](const Received&) { return Reply{}; }, &certificate);
  auto settings = once();
  settings.ca_file = ca_file.path();
  HttpClient client(settings);
  const auto error = error_of(client, get("https://127.0.0.2:" + std::to_string(server.port())));
  // 127.0.0.2 is not listened on everywhere; where it is, the name does not match.
  EXPECT_TRUE(error.code() == ErrorCode::source_tls || error.code() == ErrorCode::source_unreachable) << error.what();
}

TEST(Http, TlsToAPlainServerIsATlsError) {
  ScriptedServer server([](const Received&) { return Reply{}; });
  HttpClient client(HttpSettings{});
  EXPECT_EQ(error_of(client, get("https://127.0.0.1:" + std::to_string(server.port()))).code(), ErrorCode::source_tls);
}

TEST(Http, ManyClientsShareWhatIsShared) {
  const Certificate certificate;
  const TemporaryFile ca_file(certificate.pem);
  ScriptedServer server([](const Received&) { return Reply{.body = "x"}; }, &certificate);
  HttpShare share;
  auto settings = once();
  settings.ca_file = ca_file.path();
  std::atomic<int> answers = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        HttpClient client(settings, &share);
        for (int request = 0; request < 5; ++request) answers += client.send(get(server.url())).status == 200 ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(answers, 20);
}

}  // namespace
}  // namespace wellhead::webclient
