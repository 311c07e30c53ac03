#include "library/storage/blob/spool.h"

#include <gtest/gtest.h>

#include "library/meta/digest.h"
#include "library/storage/blob/object_answer.h"
#include "library/storage/blob/signature.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

std::string read_all(const Spool& spool, std::size_t step) {
  std::string all;
  std::string piece(step, '\0');
  for (std::size_t got = spool.read_at(0, piece.data(), step); got > 0;
       got = spool.read_at(all.size(), piece.data(), step))
    all.append(piece, 0, got);
  return all;
}

TEST(Spool, GivesBackWhatWasWrittenFromMemoryAndFile) {
  std::string expected;
  Spool spool(1000);
  for (int number = 0; number < 3000; ++number) {
    const auto text = std::to_string(number) + (number % 500 == 0 ? std::string(2500, 'x') : " ");
    spool.write(text);
    expected += text;
    if (number % 700 == 0) {
      EXPECT_EQ(read_all(spool, 977), expected);
    }
  }
  EXPECT_EQ(spool.size(), expected.size());
  EXPECT_EQ(read_all(spool, 4096), expected);
  EXPECT_EQ(spool.sha256(0, spool.size()), meta::sha256_hex(expected));
  EXPECT_EQ(spool.sha256(1234, 5000), meta::sha256_hex(expected.substr(1234, 5000)));
  EXPECT_EQ(spool.md5(0, 0), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(Signature, EncodesAsSignaturesWantIt) {
  EXPECT_EQ(query_of({{"uploads", ""}, {"prefix", "a b/ü~"}, {"list-type", "2"}}),
            "list-type=2&prefix=a%20b%2F%C3%BC~&uploads=");
  EXPECT_EQ(base64("wellhead"), "d2VsbGhlYWQ=");
  EXPECT_EQ(from_base64("d2VsbGhlYWQ=", "X"), "wellhead");
  EXPECT_EQ(base64(hex_to_bytes("00ff10")), "AP8Q");
  const auto error = fixture::error_of([] { from_base64("s3cret!", "AZURE_STORAGE_KEY"); });
  EXPECT_EQ(error.code(), meta::ErrorCode::invalid_setting);
  EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos);
  // RFC 4231, test case 2.
  EXPECT_EQ(base64(hmac_sha256("Jefe", "what do ya want for nothing?")),
            base64(hex_to_bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
}

TEST(StorePlace, IsBucketAndPrefix) {
  const auto place = parse_place("bucket/some/prefix/", "s3");
  EXPECT_EQ(place.bucket, "bucket");
  EXPECT_EQ(place.prefix, "some/prefix/");
  EXPECT_EQ(parse_place("bucket", "s3").prefix, "");
  for (const auto* bad : {"", "/x", "bu", "bucket/../x", "bucket//x", "bucket/a?b", "bucket/ü", "b%20cket"}) {
    EXPECT_EQ(fixture::error_of([&] { parse_place(bad, "s3"); }).code(), meta::ErrorCode::invalid_setting) << bad;
  }
}

TEST(StoreError, IsReadFromXmlAlone) {
  const auto error =
      read_error("<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please\n  wait.</Message></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "SlowDown");
  EXPECT_EQ(error->message, "Please wait");
  EXPECT_FALSE(read_error("<html><Error>"));
  EXPECT_FALSE(read_error(""));
}

}  // namespace
}  // namespace wellhead::storage
