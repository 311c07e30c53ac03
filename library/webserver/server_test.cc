// Requests over real sockets: what well-formed and malformed ones get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "library/webserver/testing/web_server.h"

namespace wellhead::webserver {
namespace {

using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;
using testing::WebServer;

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
      {"/echo/1?word=" + std::string(201, 'a'), "word", "is longer than 200 characters"},
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

}  // namespace
}  // namespace wellhead::webserver
