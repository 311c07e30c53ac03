// The contract against a real MinIO, and what is S3's alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "library/meta/error.h"
#include "library/storage/blob/s3_dialect.h"
#include "library/storage/blob/testing/object_place.h"
#include "tests/fixture/minio.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::error_of;
using fixture::Minio;
using meta::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// One for all cases of a process; each has a bucket of its own.
Minio& minio() {
  static Minio server;
  return server;
}

ObjectStoreSettings settings_of(const Minio& server) {
  auto settings = small_settings();
  settings.endpoint = server.endpoint();
  settings.access_key = server.access_key();
  settings.secret_key = server.secret_key();
  return settings;
}

INSTANTIATE_TEST_SUITE_P(S3, BlobStoreContract, testing::Values(ContractCase{"minio", [] {
                                                                               return std::make_unique<ObjectPlace>(
                                                                                   "s3", settings_of(minio()),
                                                                                   make_s3_dialect);
                                                                             }}));

meta::Error put_error(const ObjectStoreSettings& settings, const std::string& place = new_bucket()) {
  const auto store = open_blob_store("s3://" + place, settings);
  const auto error = error_of([&] { put(*store, "rows"); });
  EXPECT_EQ(error.code(), ErrorCode::blob_store_failed) << error.what();
  EXPECT_THAT(error.message(), AllOf(HasSubstr(store->name()), HasSubstr("writing csv/")));
  for (const auto& secret : {settings.secret_key, settings.access_key})
    EXPECT_THAT(error.what(), Not(HasSubstr(secret)));
  return error;
}

TEST(S3, WrongKeysAreRefusedAndNotRepeated) {
  auto settings = settings_of(minio());
  settings.secret_key = "another-secret-key";
  const auto wrong_secret = put_error(settings);
  EXPECT_THAT(wrong_secret.what(), AllOf(HasSubstr("403 SignatureDoesNotMatch"), HasSubstr("AWS_SECRET_ACCESS_KEY")));
  EXPECT_FALSE(wrong_secret.retryable());
  settings.access_key = "nobody-at-all";
  const auto wrong_key = put_error(settings);
  EXPECT_THAT(wrong_key.what(), AllOf(HasSubstr("InvalidAccessKeyId"), HasSubstr("AWS_ACCESS_KEY_ID")));
  EXPECT_FALSE(wrong_key.retryable());
  settings = settings_of(minio());
  settings.session_token = "a-token-of-somebody-else";
  const auto wrong_token = put_error(settings);
  EXPECT_THAT(wrong_token.what(), AllOf(HasSubstr("AWS_SESSION_TOKEN"), Not(HasSubstr(settings.session_token))));
}

TEST(S3, BucketIsMadeOnlyWhenAllowed) {
  auto settings = settings_of(minio());
  settings.create_bucket = false;
  const auto bucket = new_bucket();
  const auto error = put_error(settings, bucket);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("NoSuchBucket"), HasSubstr("WELLHEAD_CREATE_BUCKET"), HasSubstr(bucket)));
  EXPECT_FALSE(error.retryable());
  settings.create_bucket = true;
  const auto key = put(*open_blob_store("s3://" + bucket, settings), "rows");
  settings.create_bucket = false;
  EXPECT_EQ(read(*open_blob_store("s3://" + bucket, settings), key), "rows");
}

TEST(S3, TlsWithAnUnknownAuthorityIsRefusedAndWithItsCertificateWorks) {
  Minio server({.tls = true});
  auto settings = settings_of(server);
  const auto error = put_error(settings);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("TLS failed"), HasSubstr("AWS_CA_BUNDLE")));
  EXPECT_FALSE(error.retryable());
  settings.ca_file = server.ca_file();
  const auto store = open_blob_store("s3://with-tls", settings);
  EXPECT_EQ(read(*store, put(*store, "rows")), "rows");
}

TEST(S3, FullDiskSaysSoAndTheBlobCanBeWrittenWhenThereIsRoom) {
  Minio server({.disk_size = "64m"});
  const auto settings = settings_of(server);
  const auto store = open_blob_store("s3://small-disk", settings);
  put(*store, "rows");
  server.fill_disk();
  for (const auto bytes : {std::size_t{1} << 20, std::size_t{12} << 20}) {
    const auto error = error_of([&] { put(*store, std::string(bytes, 'x')); });
    EXPECT_EQ(error.code(), ErrorCode::blob_store_failed) << error.what();
    EXPECT_THAT(error.what(), AllOf(HasSubstr("Free disk space at the store"), HasSubstr(store->name())));
    EXPECT_TRUE(error.retryable()) << "there may be room in a minute";
  }
  server.free_disk();
  const std::string content(std::size_t{12} << 20, 'x');
  EXPECT_EQ(read(*store, put(*store, content)), content);
}

TEST(S3, KilledServerThatComesBackIsOutlasted) {
  Minio server;
  const auto store = open_blob_store("s3://outlast", settings_of(server));
  const std::string content(std::size_t{11} << 20, 'r');
  const auto key = put(*store, content);
  server.kill();
  std::jthread starter([&] { server.start(); });
  EXPECT_EQ(read(*store, key), content);
  EXPECT_EQ(read(*store, put(*store, "rows")), "rows");
}

TEST(S3, ServerThatDiesWhileABlobIsReadIsReadOnFromWhereItWas) {
  Minio server;
  const auto store = open_blob_store("s3://resume", settings_of(server));
  std::string content;
  for (int number = 0; content.size() < (std::size_t{24} << 20); ++number) content += std::to_string(number);
  const auto key = put(*store, content);
  std::string got;
  std::jthread starter;
  store->read(key, [&](std::string_view piece) {
    if (got.size() < (1U << 20) && got.size() + piece.size() >= (1U << 20)) {
      server.kill();
      starter = std::jthread([&] { server.start(); });
    }
    got.append(piece);
  });
  EXPECT_TRUE(got == content);
}

TEST(S3, StopEndsAWaitForADeadServer) {
  Minio server;
  const auto store = open_blob_store("s3://stop", settings_of(server));
  put(*store, "rows");
  server.kill();
  meta::Error error(ErrorCode::internal, "");
  std::jthread writer([&] { error = error_of([&] { put(*store, "more rows"); }); });
  store->set_patience(std::chrono::milliseconds(0));
  writer.join();
  EXPECT_EQ(error.code(), ErrorCode::blob_store_failed);
  EXPECT_TRUE(error.retryable()) << error.what();
}

}  // namespace
}  // namespace wellhead::storage
