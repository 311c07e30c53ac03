// The server over real sockets: what well-formed, malformed, large, slow and hasty clients get.
#include "library/webserver/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <future>
#include <mutex>
#include <thread>

#include "library/meta/error.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/testing/raw_client.h"

namespace wellhead::webserver {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;

Task<Response> echo(Request request) {
  std::string text(request.arguments.text("id").value_or("-"));
  text += "/" + std::string(request.arguments.text("word").value_or("-"));
  text += "/" + std::to_string(request.arguments.integer("limit"));
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(text);
  co_return response;
}

Task<Response> add(Request request) {
  co_return Response::json("{\"word\":\"" + std::string(*request.arguments.text("word")) + "\"}", 202);
}

Task<Response> fail(Request request) {
  if (request.arguments.text("id") == "known") {
    meta::Error error(meta::ErrorCode::database_unreachable, "secret-host does not answer");
    error.set_retry_after(milliseconds(2'500));
    throw error;
  }
  throw std::runtime_error("secret detail");
}

Task<Response> large(Request) {
  Response response;
  response.content_type = "text/plain";
  response.body.assign(8 << 20, 'x');
  co_return response;
}

// Waits in a handler until the test says so.
struct Gate {
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  std::promise<void> entered;
};

Task<Response> wait(BlockingPool* pool, Gate* gate, Request request) {
  std::function<int()> work = [gate] {
    gate->entered.set_value();
    gate->opened.wait();
    return 7;
  };
  auto running = pool->run<int>(*request.worker, std::move(work));
  const int number = co_await running;
  co_return Response::json(std::to_string(number));
}

Route route(std::string path, std::vector<Parameter> parameters, Handler handler,
            std::string content_type = "text/plain") {
  Route out;
  out.path = std::move(path);
  out.operation_id = "operation" + out.path;
  out.parameters = std::move(parameters);
  out.responses = {{.description = "An answer.", .content_type = std::move(content_type)}};
  out.handler = std::move(handler);
  return out;
}

Parameter path_parameter(std::string name) {
  Parameter out;
  out.name = std::move(name);
  out.in = ParameterIn::path;
  return out;
}

class WebServer : public ::testing::Test {
 protected:
  WebServer() : table_({.title = "Test", .version = "1"}), pool_(1, 4) {
    Parameter word{.name = "word"};
    Parameter limit{.name = "limit", .type = ParameterType::integer, .minimum = 1, .maximum = 100, .fallback = 10};
    table_.add(route("/echo/{id}", {path_parameter("id"), word, limit}, echo));
    table_.add(route("/fail/{id}", {path_parameter("id")}, fail, "application/json"));
    table_.add(route("/large", {}, large));
    table_.add(route(
        "/wait", {}, [this](Request request) { return wait(&pool_, &gate_, std::move(request)); }, "application/json"));
    Route post = route("/words", {}, add, "application/json");
    post.method = Method::post;
    post.operation_id = "post";
    Parameter body_word{.name = "word", .in = ParameterIn::body, .required = true};
    post.parameters = {body_word};
    table_.add(std::move(post));
    options_.listen = "127.0.0.1:0";
    options_.threads = 2;
    options_.on_request = [this](const RequestRecord& record) {
      const std::scoped_lock lock(mutex_);
      records_.push_back(std::string(to_string(record.method)) + " " + std::string(record.route) + " " +
                         std::to_string(record.status) + " " + std::string(record.error));
    };
  }

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

TEST_F(WebServer, AnswersWithCheckedArguments) {
  const RawResponse response = testing::get(port(), "/echo/a%20b?word=x+y%26z&limit=007");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "a b/x y&z/7");
  EXPECT_EQ(response.header("content-type"), "text/plain");
  EXPECT_EQ(response.header("x-content-type-options"), "nosniff");
  EXPECT_FALSE(response.header("date").empty());
}

TEST_F(WebServer, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  RawClient client(port());
  client.send(
      "GET /echo/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /echo/2 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n{\"word\":\"3\"}GET /echo/4 HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  EXPECT_EQ(client.read()->body, "1/-/10");
  EXPECT_EQ(client.read()->body, "2/-/10");
  EXPECT_EQ(client.read()->body, "{\"word\":\"3\"}");
  EXPECT_EQ(client.read()->body, "4/-/10");
  EXPECT_EQ(client.get("/echo/5").body, "5/-/10");
}

TEST_F(WebServer, TakesRequestsByteByByte) {
  RawClient client(port());
  for (const char c : std::string("POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n{\"word\":\"3\"}")) {
    client.send(std::string(1, c));
  }
  EXPECT_EQ(client.read()->status, 202);
}

TEST_F(WebServer, TakesChunkedBodies) {
  RawClient client(port());
  client.send(
      "POST /words HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\n{\"wor\r\n7\r\nd\":\"3\"}\r\n0\r\n\r\n");
  EXPECT_EQ(client.read()->body, "{\"word\":\"3\"}");
}

TEST_F(WebServer, InvitesABodyThatWaits) {
  RawClient client(port());
  client.send("POST /words HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n");
  EXPECT_EQ(client.read()->status, 100);
  client.send("{\"word\":\"3\"}");
  EXPECT_EQ(client.read()->status, 202);
}

TEST_F(WebServer, ClosesWhenAskedTo) {
  RawClient client(port());
  const RawResponse response = client.get("/echo/1", "Connection: close\r\n");
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
  RawClient old(port());
  old.send("GET /echo/1 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read()->status, 200);
  EXPECT_EQ(old.read_to_end(), "");
}

TEST_F(WebServer, AnswersHeadWithTheLengthOfGetAndNoBody) {
  RawClient client(port());
  const RawResponse head = client.request("HEAD", "/echo/1");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "6");
  EXPECT_EQ(client.get("/echo/2").body, "2/-/10");
}

TEST_F(WebServer, SaysWhichMethodsAPathTakes) {
  RawClient client(port());
  const RawResponse refused = client.request("DELETE", "/words");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("allow"), "POST, OPTIONS");
  const RawResponse options = client.request("OPTIONS", "/echo/1");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(client.request("BREW", "/echo/1").status, 405);
  EXPECT_EQ(client.get("/nothing").status, 404);
  EXPECT_EQ(client.get("/echo/").status, 404);
}

struct BadRequest {
  std::string target;
  std::string field;
  std::string message;
};

TEST_F(WebServer, NamesTheFieldThatIsWrong) {
  const std::vector<BadRequest> cases = {
      {"/echo/1?colour=red", "colour", "is no parameter; there are: word, limit"},
      {"/echo/1?limit=0", "limit", "is less than 1"},
      {"/echo/1?limit=101", "limit", "is more than 100"},
      {"/echo/1?limit=ten", "limit", "is no integer"},
      {"/echo/1?limit=99999999999999999999", "limit", "is no integer"},
      {"/echo/1?limit=", "limit", "is no integer"},
      {"/echo/1?word=", "word", "is empty"},
      {"/echo/1?word=a&word=b", "word", "is given more than once"},
      {"/echo/1?word=" + std::string(201, 'a'), "word", "is longer than 200 bytes"},
  };
  RawClient client(port());
  for (const BadRequest& bad : cases) {
    const RawResponse response = client.get(bad.target);
    EXPECT_EQ(response.status, 400) << bad.target;
    EXPECT_EQ(response.header("content-type"), "application/problem+json");
    EXPECT_THAT(response.body, HasSubstr("{\"field\":\"" + bad.field + "\",\"message\":\"" + bad.message + "\"}"))
        << bad.target;
    EXPECT_THAT(response.body,
                HasSubstr("\"type\":\"urn:wellhead:problem:invalid_input\",\"title\":\"Bad Request\",\"status\":400"));
  }
}

TEST_F(WebServer, RefusesBrokenEscapesAndText) {
  RawClient client(port());
  for (const std::string target :
       {"/echo/%", "/echo/%zz", "/echo/%ff", "/echo/a%00b", "/echo/1?word=%c3%28", "/echo/1?%", "/echo/%0a"}) {
    EXPECT_EQ(client.get(target).status, 400) << target;
  }
}

TEST_F(WebServer, ChecksBodies) {
  const auto post = [this](const std::string& body) { return testing::post_json(port(), "/words", body); };
  EXPECT_EQ(post("{\"word\":\"ok\"}").status, 202);
  for (const std::string body : {"{", "[]", "\"a\"", "{\"word\":\"a\"} x", "null"}) {
    EXPECT_THAT(post(body).body, HasSubstr("{\"field\":\"body\",\"message\":\"is no JSON object\"}")) << body;
  }
  EXPECT_THAT(post("{}").body, HasSubstr("{\"field\":\"word\",\"message\":\"is missing\"}"));
  EXPECT_THAT(post("{\"word\":1}").body, HasSubstr("{\"field\":\"word\",\"message\":\"has the wrong type\"}"));
  EXPECT_THAT(post("{\"word\":\"a\\u0000\"}").body,
              HasSubstr("{\"field\":\"word\",\"message\":\"has control characters\"}"));
  EXPECT_THAT(post("{\"word\":\"a\",\"x\":1}").body,
              HasSubstr("{\"field\":\"x\",\"message\":\"is no member; there are: word\"}"));
  EXPECT_THAT(post("{\"word\":\"a\",\"word\":\"b\"}").body, HasSubstr("is given more than once"));
}

TEST_F(WebServer, NegotiatesContent) {
  RawClient client(port());
  EXPECT_EQ(client.get("/echo/1", "Accept: application/json\r\n").status, 406);
  EXPECT_EQ(client.get("/echo/1", "Accept: text/plain;q=0, */*\r\n").status, 406);
  EXPECT_EQ(client.get("/echo/1", "Accept: application/json, text/*;q=0.2\r\n").status, 200);
  EXPECT_EQ(client.get("/echo/1", "Accept: */*\r\n").status, 200);
  EXPECT_EQ(client.request("POST", "/words", "Content-Type: text/xml\r\n", "{\"word\":\"a\"}").status, 415);
  EXPECT_EQ(
      client.request("POST", "/words", "Content-Type: application/json; charset=utf-8\r\n", "{\"word\":\"a\"}").status,
      202);
}

TEST_F(WebServer, AnswersMalformedRequestsAndCloses) {
  for (const std::string bytes :
       {"garbage\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost a\r\n\r\n", "GET /echo/1 HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
        "POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
    RawClient client(port());
    client.send(bytes);
    const auto response = client.read();
    ASSERT_TRUE(response) << bytes;
    EXPECT_EQ(response->status, 400) << bytes;
    EXPECT_EQ(response->header("connection"), "close") << bytes;
    EXPECT_EQ(client.read_to_end(), "") << bytes;
  }
  RawClient client(port());
  client.send("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read()->status, 505);
}

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
  options_.limits.idle_time = milliseconds(120);
  RawClient header(port());
  header.send("GET /echo/1 HTT");
  EXPECT_EQ(header.read()->status, 408);
  EXPECT_EQ(header.read_to_end(), "");
  RawClient body(port());
  body.send("POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_EQ(body.read()->status, 408);
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
  std::thread trickle([&client] {
    try {
      for (int i = 0; i < 1000; ++i) {
        client.send("G");
        std::this_thread::sleep_for(milliseconds(10));
      }
      ADD_FAILURE() << "still taken after ten seconds";
    } catch (const std::runtime_error&) {
    }
  });
  const auto response = client.read();
  trickle.join();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 400 + 8);
}

// The one connection there may be comes free again.
TEST_F(WebServer, GivesUpOnClientsThatDoNotRead) {
  options_.limits.write_time = milliseconds(200);
  options_.limits.connections = 1;
  RawClient stuck(port());
  for (int i = 0; i < 6; ++i) stuck.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < until) {
    try {
      status = testing::get(port(), "/echo/1").status;
    } catch (const std::runtime_error&) {
      // Refused connections may be reset.
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

TEST_F(WebServer, HidesWhatWentWrongInside) {
  const RawResponse known = testing::get(port(), "/fail/known");
  EXPECT_EQ(known.status, 503);
  EXPECT_EQ(known.header("retry-after"), "3");
  EXPECT_THAT(known.body, Not(HasSubstr("secret")));
  const RawResponse unknown = testing::get(port(), "/fail/other");
  EXPECT_EQ(unknown.status, 500);
  EXPECT_THAT(unknown.body, Not(HasSubstr("secret")));
  server_->stop();
  EXPECT_THAT(records(), ::testing::UnorderedElementsAre("GET /fail/{id} 503 secret-host does not answer",
                                                         "GET /fail/{id} 500 secret detail"));
}

TEST_F(WebServer, GivesEachRequestAnId) {
  RawClient client(port());
  EXPECT_EQ(client.get("/echo/1", "X-Request-Id: abc-1.2_3\r\n").header("x-request-id"), "abc-1.2_3");
  const std::string made = client.get("/echo/1", "X-Request-Id: a\"b\r\n").header("x-request-id");
  EXPECT_THAT(made, ::testing::MatchesRegex("[0-9a-f]+-[0-9]+"));
  EXPECT_NE(client.get("/echo/1").header("x-request-id"), made);
  EXPECT_THAT(client.get("/nothing", "X-Request-Id: mine\r\n").body, HasSubstr("\"request_id\":\"mine\""));
}

TEST_F(WebServer, RecordsRoutesAndNoValues) {
  RawClient client(port());
  client.get("/echo/patient-7?word=Smith");
  client.get("/nothing/patient-7");
  server_->stop();
  EXPECT_THAT(records(), ::testing::ElementsAre("GET /echo/{id} 200 ", "GET  404 "));
}

TEST_F(WebServer, TakesAbsoluteTargets) {
  EXPECT_EQ(testing::get(port(), "http://example.org:80/echo/1?word=a").body, "1/a/10");
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
  int closed = 0;
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
