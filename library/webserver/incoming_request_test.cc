// Requests that come in pieces.
#include "library/webserver/incoming_request.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace wellhead::webserver {
namespace {

// As a connection has it when so many bytes come at a time.
ParsedRequest received(std::string_view bytes, std::size_t piece) {
  RequestParser parser;
  set_limits(parser, {});
  boost::beast::flat_buffer came;
  while (!bytes.empty()) {
    const std::string_view next = bytes.substr(0, piece);
    bytes.remove_prefix(next.size());
    std::memcpy(came.prepare(next.size()).data(), next.data(), next.size());
    came.commit(next.size());
    boost::system::error_code error;
    feed(parser, came, error);
    EXPECT_FALSE(error) << error.message();
  }
  EXPECT_TRUE(parser.is_done());
  EXPECT_EQ(came.size(), 0);
  return take_request(parser);
}

class Pieces : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Pieces, OfChunkedBodiesMakeTheWhole) {
  const std::string head = "POST /words HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(received(head + "0\r\n\r\n", GetParam()).request.body, "");
  EXPECT_EQ(received(head + "1\r\na\r\n0\r\n\r\n", GetParam()).request.body, "a");
  EXPECT_EQ(received(head + "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n", GetParam()).request.body, "abcde");
}

TEST_P(Pieces, OfABodyOfKnownLengthMakeTheWhole) {
  const auto parsed = received("POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", GetParam());
  EXPECT_EQ(parsed.request.body, "abc");
}

INSTANTIATE_TEST_SUITE_P(Of, Pieces, ::testing::Values(1, 2, 3, 4, 5, 7, 1000));

}  // namespace
}  // namespace wellhead::webserver
