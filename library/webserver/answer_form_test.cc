// Bodies that are streamed, compressed, or not sent again.
#include "library/webserver/answer_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <atomic>
#include <stdexcept>

#include "library/webserver/testing/web_server.h"
#include "tests/fixture/wait.h"

namespace wellhead::webserver {
namespace {

using testing::RawClient;
using testing::RawResponse;
using testing::WebServer;

std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(32 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return out;
}

std::string unzstded(const std::string& bytes) {
  std::string out;
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  std::string piece(1 << 20, '\0');
  std::size_t left = 1;
  while (left != 0 && input.pos < input.size) {
    ZSTD_outBuffer output{piece.data(), piece.size(), 0};
    left = ZSTD_decompressStream(context, &output, &input);
    EXPECT_EQ(ZSTD_isError(left), 0U);
    out.append(piece, 0, output.pos);
  }
  EXPECT_EQ(left, 0U);
  ZSTD_freeDCtx(context);
  return out;
}

// `pieces` pieces of 64 KiB, and then the end or a failure; counts how many were asked for and whether it is gone.
struct Counters {
  std::atomic<int> asked = 0;
  std::atomic<int> alive = 0;
};

class Pieces final : public BodyStream {
 public:
  Pieces(Counters& counters, int pieces, bool fails) : counters_(counters), pieces_(pieces), fails_(fails) {
    ++counters_.alive;
  }
  ~Pieces() override { --counters_.alive; }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  Task<std::optional<std::string>> next() override {
    const int number = counters_.asked++;
    if (number >= pieces_ && fails_) throw std::runtime_error("broke off");
    if (number >= pieces_) co_return std::nullopt;
    if (number == 1) co_return std::string();
    co_return std::string(64 << 10, static_cast<char>('a' + number % 26));
  }

 private:
  Counters& counters_;
  int pieces_;
  bool fails_;
};

std::string expected(int pieces) {
  std::string out;
  for (int i = 0; i < pieces; ++i) {
    if (i != 1) out.append(64 << 10, static_cast<char>('a' + i % 26));
  }
  return out;
}

class Answers : public WebServer {
 protected:
  void add(const std::string& path, Handler handler, const std::string& content_type) {
    Route route;
    route.path = path;
    route.operation_id = path;
    route.responses = {{.description = "An answer.", .content_type = content_type}};
    route.handler = std::move(handler);
    table_.add(std::move(route));
  }
  void add_stream(int pieces, bool fails) {
    const auto handler = [](Counters* counters, int count, bool fail) -> Task<Response> {
      Response response;
      response.content_type = "text/csv";
      response.stream = std::make_shared<Pieces>(*counters, count, fail);
      co_return response;
    };
    add("/stream", [=, this](const Request&) { return handler(&counters_, pieces, fails); }, "text/csv");
  }
  void add_json(const std::string& body, const std::string& last_modified) {
    const auto handler = [](std::string text, std::string changed) -> Task<Response> {
      Response response = Response::json(std::move(text));
      response.headers.emplace_back("Last-Modified", changed);
      co_return response;
    };
    add("/json", [=](const Request&) { return handler(body, last_modified); }, "application/json");
  }

  Counters counters_;
};

TEST_F(Answers, StreamInChunksAndKeepTheConnection) {
  add_stream(10, false);
  RawClient client(port());
  const RawResponse response = client.get("/stream");
  EXPECT_EQ(response.header("transfer-encoding"), "chunked");
  EXPECT_EQ(response.header("content-length"), "");
  EXPECT_TRUE(response.body == expected(10));
  EXPECT_EQ(client.get("/echo/1").body, "1/-/10");
  EXPECT_EQ(counters_.alive, 0);
}

TEST_F(Answers, StreamToAnOldClientUntilTheConnectionEnds) {
  add_stream(3, false);
  RawClient client(port());
  client.send("GET /stream HTTP/1.0\r\n\r\n");
  const std::string all = client.read_to_end();
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_TRUE(all.ends_with(expected(3)));
}

TEST_F(Answers, SendNoStreamToHead) {
  add_stream(3, false);
  RawClient client(port());
  EXPECT_EQ(client.request("HEAD", "/stream").status, 200);
  EXPECT_EQ(client.get("/echo/1").status, 200);
  EXPECT_EQ(counters_.asked, 0);
}

// A client must not take a part for the whole.
TEST_F(Answers, BreakOffAStreamThatFails) {
  add_stream(3, true);
  RawClient client(port());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read(), std::nullopt);
  fixture::wait_until([&] { return !records().empty(); });
  EXPECT_EQ(records().front(), "GET /stream 200 broke off");
}

// Back-pressure: a client that does not read is sent what the sockets hold, and no more is made.
TEST_F(Answers, MakeNoMoreThanAClientTakes) {
  constexpr int pieces = 2000;  // 125 MiB
  add_stream(pieces, false);
  auto client = std::make_unique<RawClient>(port());
  client->send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  // Others are answered meanwhile, on both loops.
  int before = -1;
  fixture::wait_until([&] {
    EXPECT_EQ(testing::get(port(), "/echo/1").status, 200);
    EXPECT_EQ(testing::get(port(), "/echo/2").status, 200);
    return std::exchange(before, counters_.asked.load()) == counters_.asked && before > 0;
  });
  EXPECT_LT(counters_.asked, pieces / 2);
  client.reset();
  fixture::wait_until([&] { return counters_.alive == 0; });
  EXPECT_LT(counters_.asked, pieces);
}

TEST_F(Answers, CompressAsTheClientLikes) {
  add_stream(5, false);
  std::string json = "[";
  for (int i = 0; i < 1000; ++i) json += std::to_string(i) + ",";
  json += "0]";
  add_json(json, "");
  EXPECT_EQ(testing::get(port(), "/json").body, json);
  EXPECT_EQ(testing::get(port(), "/json", "Accept-Encoding: br\r\n").header("content-encoding"), "");
  const RawResponse gzip = testing::get(port(), "/json", "Accept-Encoding: gzip, zstd;q=0.5\r\n");
  EXPECT_EQ(gzip.header("content-encoding"), "gzip");
  EXPECT_EQ(gzip.header("vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(gunzipped(gzip.body), json);
  const RawResponse zstd = testing::get(port(), "/json", "Accept-Encoding: gzip, zstd\r\n");
  EXPECT_EQ(zstd.header("content-encoding"), "zstd");
  EXPECT_EQ(unzstded(zstd.body), json);
  EXPECT_TRUE(gunzipped(testing::get(port(), "/stream", "Accept-Encoding: gzip\r\n").body) == expected(5));
  counters_.asked = 0;
  EXPECT_TRUE(unzstded(testing::get(port(), "/stream", "Accept-Encoding: zstd\r\n").body) == expected(5));
  // Not worth it.
  EXPECT_EQ(testing::get(port(), "/fail/x", "Accept-Encoding: gzip\r\n").header("content-encoding"), "");
}

TEST_F(Answers, AreNotSentAgain) {
  add_json(R"({"a":1})", "Sat, 31 Jan 2026 10:42:00 GMT");
  const RawResponse first = testing::get(port(), "/json");
  const std::string tag = first.header("etag");
  EXPECT_TRUE(tag.starts_with("W/\"")) << tag;
  RawClient client(port());
  const std::vector<std::string> conditions = {"If-None-Match: " + tag, "If-None-Match: \"x\", " + tag.substr(2),
                                               "If-None-Match: *", "If-Modified-Since: Sat, 31 Jan 2026 10:42:00 GMT"};
  for (const std::string& condition : conditions) {
    client.send("GET /json HTTP/1.1\r\nHost: a\r\n" + condition + "\r\n\r\n");
    const RawResponse again = *client.read(true);
    EXPECT_EQ(again.status, 304) << condition;
    EXPECT_EQ(again.header("etag"), tag);
  }
  // If-None-Match decides alone.
  EXPECT_EQ(client.get("/json", "If-None-Match: \"x\"\r\nIf-Modified-Since: Sat, 31 Jan 2026 10:42:00 GMT\r\n").status,
            200);
  EXPECT_EQ(client.get("/json", "If-Modified-Since: Fri, 30 Jan 2026 10:42:00 GMT\r\n").status, 200);
}

TEST_F(Answers, SayThatTheirRouteIsToGo) {
  Route route;
  route.path = "/old";
  route.operation_id = "old";
  route.responses = {{.description = "An answer."}};
  route.deprecation = "@1767225600";
  route.sunset = "Fri, 01 Jan 2027 00:00:00 GMT";
  route.handler = [](const Request& /*request*/) -> Task<Response> { co_return Response::json("{}"); };
  table_.add(std::move(route));
  const RawResponse old = RawClient(port()).get("/old");
  EXPECT_EQ(old.header("deprecation"), "@1767225600");
  EXPECT_EQ(old.header("sunset"), "Fri, 01 Jan 2027 00:00:00 GMT");
  EXPECT_EQ(RawClient(port()).get("/echo/1").header("deprecation"), "");
  EXPECT_NE(openapi_document(table_).find(R"("deprecated":true)"), std::string::npos);
}

TEST(HttpDate, IsMadeOfPostgresMoments) {
  EXPECT_EQ(http_date_of("2026-01-31 10:42:00.5+00"), "Sat, 31 Jan 2026 10:42:00 GMT");
  EXPECT_EQ(http_date_of("2024-02-29 00:00:00+00"), "Thu, 29 Feb 2024 00:00:00 GMT");
  EXPECT_EQ(http_date_of("infinity"), "");
}

}  // namespace
}  // namespace wellhead::webserver
