// What object stores do when they are not well, played by a scripted server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/storage/blob/blob_store.h"
#include "library/webclient/testing/scripted_server.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::error_of;
using meta::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using webclient::testing::Received;
using webclient::testing::Reply;
using webclient::testing::ScriptedServer;

Reply refusal(int status, const std::string& code, const std::string& message = "As the store says.") {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}, {"x-amz-request-id", "1"}},
          .body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"};
}

Reply good(std::string body = "") {
  return {.headers = {{"ETag", "\"e1\""}, {"x-amz-request-id", "1"}}, .body = std::move(body)};
}

ObjectStoreSettings settings_of(const ScriptedServer& server) {
  ObjectStoreSettings settings;
  settings.endpoint = server.url();
  settings.access_key = "access-s3cret";
  settings.secret_key = "secret-s3cret";
  settings.spool_memory = 1000;
  settings.part_bytes = 10'000;
  return settings;
}

BlobKey put(BlobStore& store, std::string_view content) {
  auto writer = store.create("csv", ".csv.zst");
  writer->write(content);
  return writer->finish().key;
}

BlobKey key_of(const std::string& content) {
  const auto digest = meta::sha256_hex(content);
  return {"csv/" + digest.substr(0, 2) + "/" + digest + ".csv.zst"};
}

std::string read(BlobStore& store, const BlobKey& key) {
  std::string content;
  store.read(key, [&](std::string_view piece) { content.append(piece); });
  return content;
}

TEST(ObjectStore, RepeatsWhatPassesAndSignsEachRequest) {
  std::atomic<int> count = 0;
  ScriptedServer server([&](const Received&) {
    switch (++count) {
      case 1:
        return refusal(503, "SlowDown");
      case 2:
        return refusal(500, "InternalError");
      case 3:
        return Reply{.drop = true, .reset = true};
      case 4:
        return refusal(400, "RequestTimeout");
      default:
        return good();
    }
  });
  auto settings = settings_of(server);
  settings.session_token = "token-s3cret";
  const auto key = put(*open_blob_store("s3://bucket/some/prefix", settings), "rows");
  const auto received = server.received();
  ASSERT_GE(received.size(), 5U);
  const auto& last = received.back();
  EXPECT_EQ(last.method, "PUT");
  EXPECT_EQ(last.target, "/bucket/some/prefix/" + key.text);
  EXPECT_EQ(last.body, "rows");
  EXPECT_EQ(last.headers.at("x-amz-content-sha256"), meta::sha256_hex("rows"));
  EXPECT_EQ(last.headers.at("if-none-match"), "*");
  EXPECT_THAT(last.headers.at("authorization"),
              AllOf(HasSubstr("Credential=access-s3cret/"), HasSubstr("x-amz-security-token"),
                    HasSubstr("x-amz-checksum-sha256"), HasSubstr("/us-east-1/s3/aws4_request")));
}

TEST(ObjectStore, BucketMayStandInTheHost) {
  ScriptedServer server([](const Received&) { return good(); });
  auto settings = settings_of(server);
  settings.endpoint = "http://localhost:" + std::to_string(server.port());
  settings.addressing = ObjectStoreSettings::Addressing::virtual_host;
  const auto key = put(*open_blob_store("s3://bucket", settings), "rows");
  EXPECT_EQ(server.received().back().headers.at("host"), "bucket.localhost:" + std::to_string(server.port()));
  EXPECT_EQ(server.received().back().target, "/" + key.text);
}

TEST(ObjectStore, WritesWithoutTheConditionWhereItIsUnknown) {
  ScriptedServer server([](const Received& request) {
    return request.headers.contains("if-none-match") ? refusal(501, "NotImplemented") : good();
  });
  const auto store = open_blob_store("s3://bucket", settings_of(server));
  put(*store, "rows");
  put(*store, "more rows");
  EXPECT_EQ(server.received().size(), 3U) << "the second blob is not tried with it";
}

TEST(ObjectStore, ReadsOnFromWhereTheConnectionBroke) {
  std::string content;
  for (int number = 0; content.size() < 300'000; ++number) content += std::to_string(number);
  std::atomic<int> count = 0;
  ScriptedServer server([&](const Received& request) {
    const auto number = ++count;
    auto reply = good(content);
    if (number == 1) {
      reply.cut_after = 100'000;
    } else if (number == 2) {
      EXPECT_EQ(request.headers.at("if-match"), "\"e1\"");
      EXPECT_EQ(request.headers.at("range"), "bytes=100000-");
      reply.status = 206;
      reply.body = content.substr(100'000);
      reply.cut_after = 50'000;
    }  // then the whole, as from a store that knows no ranges
    return reply;
  });
  const auto store = open_blob_store("s3://bucket", settings_of(server));
  EXPECT_TRUE(read(*store, key_of(content)) == content);
  EXPECT_EQ(count, 3);
}

TEST(ObjectStore, BlobThatBecameAnotherInMidReadIsDamaged) {
  const std::string content(200'000, 'x');
  std::atomic<int> count = 0;
  ScriptedServer server([&](const Received& request) {
    if (++count == 1) {
      auto reply = good(content);
      reply.cut_after = 100'000;
      return reply;
    }
    if (request.headers.contains("if-match")) return refusal(412, "PreconditionFailed");
    return refusal(416, "InvalidRange");
  });
  const auto store = open_blob_store("s3://bucket", settings_of(server));
  EXPECT_EQ(error_of([&] { read(*store, key_of(content)); }).code(), ErrorCode::blob_corrupt);
}

TEST(ObjectStore, UploadInPartsIsAbortedWhenItFails) {
  ScriptedServer server([](const Received& request) {
    if (request.method == "HEAD") return Reply{.status = 404};
    if (request.target.ends_with("?uploads="))
      return good("<InitiateMultipartUploadResult><UploadId>up load+1</UploadId></InitiateMultipartUploadResult>");
    if (request.target.find("partNumber=2") != std::string::npos) return refusal(507, "XMinioStorageFull");
    return good();
  });
  const auto store = open_blob_store("s3://bucket", settings_of(server));
  const auto error = error_of([&] { put(*store, std::string(35'000, 'p')); });
  EXPECT_EQ(error.code(), ErrorCode::blob_store_failed);
  EXPECT_TRUE(error.retryable());
  EXPECT_THAT(error.what(), HasSubstr("Free disk space"));
  const auto received = server.received();
  EXPECT_EQ(received.back().method, "DELETE");
  EXPECT_THAT(received.back().target, testing::EndsWith("?uploadId=up%20load%2B1"));
  for (const auto& request : received) EXPECT_LE(request.body.size(), 10'000U);
}

TEST(ObjectStore, ErrorInsideASuccessIsOne) {
  std::atomic<int> completed = 0;
  ScriptedServer server([&](const Received& request) {
    if (request.method == "HEAD") return Reply{.status = 404};
    if (request.target.ends_with("?uploads="))
      return good("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
    if (request.method == "POST" && ++completed == 1) {
      auto reply = refusal(200, "InternalError");
      return reply;
    }
    return good();
  });
  put(*open_blob_store("s3://bucket", settings_of(server)), std::string(15'000, 'p'));
  EXPECT_EQ(completed, 2);
}

struct RefusalCase {
  const char* name;
  Reply reply;
  bool retryable;
  std::vector<std::string> words;
};

class RefusingStore : public testing::TestWithParam<RefusalCase> {};

TEST_P(RefusingStore, IsToldWithWhatToDo) {
  ScriptedServer server([](const Received&) { return GetParam().reply; });
  auto settings = settings_of(server);
  settings.patience = std::chrono::milliseconds(300);
  const auto store = open_blob_store("s3://bucket/prefix", settings);
  const auto error = error_of([&] { put(*store, "rows"); });
  EXPECT_EQ(error.code(), ErrorCode::blob_store_failed);
  EXPECT_EQ(error.retryable(), GetParam().retryable);
  EXPECT_THAT(error.what(), AllOf(HasSubstr(store->name()), HasSubstr("writing csv/"), Not(HasSubstr("s3cret"))));
  for (const auto& word : GetParam().words) EXPECT_THAT(error.what(), HasSubstr(word));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, RefusingStore,
    testing::Values(
        RefusalCase{"Echo",
                    refusal(403, "SignatureDoesNotMatch", "You signed with secret-s3cret as access-s3cret"),
                    false,
                    {"AWS_SECRET_ACCESS_KEY"}},
        RefusalCase{"Clock", refusal(403, "RequestTimeTooSkewed"), false, {"clock"}},
        RefusalCase{"Region",
                    Reply{.status = 301,
                          .headers = {{"x-amz-bucket-region", "eu-west-1"}},
                          .body = "<Error><Code>PermanentRedirect</Code></Error>"},
                    false,
                    {"AWS_REGION", "eu-west-1"}},
        RefusalCase{"Token", refusal(400, "ExpiredToken"), false, {"AWS_SESSION_TOKEN"}},
        RefusalCase{"Bucket", refusal(404, "NoSuchBucket"), false, {"bucket", "WELLHEAD_CREATE_BUCKET"}},
        RefusalCase{"Html",
                    Reply{.headers = {{"Content-Type", "text/html"}}, .body = "<html><title>Console</title></html>"},
                    false,
                    {"an HTML page", "AWS_ENDPOINT_URL"}},
        RefusalCase{
            "Nothing", Reply{.status = 404, .body = "no such page"}, false, {"no such page", "AWS_ENDPOINT_URL"}},
        RefusalCase{"Busy", refusal(503, "SlowDown"), true, {"503 SlowDown", "WELLHEAD_CONCURRENCY"}},
        RefusalCase{"Full", refusal(507, "XMinioStorageFull"), true, {"Free disk space"}}),
    [](const testing::TestParamInfo<RefusalCase>& tested) { return tested.param.name; });

TEST(ObjectStore, AddressWhereNothingListensIsKnownSoon) {
  ObjectStoreSettings settings;
  settings.endpoint = "http://127.0.0.1:1";
  settings.access_key = settings.secret_key = "s3cret";
  settings.first_patience = std::chrono::milliseconds(300);
  const auto store = open_blob_store("s3://bucket", settings);
  const auto error = error_of([&] { store->check(); });
  EXPECT_THAT(error.what(), AllOf(HasSubstr("http://127.0.0.1:1"), HasSubstr("Check that the store runs")));
  EXPECT_TRUE(error.retryable());
}

TEST(ObjectStore, SilentStoreIsLeftAtOnceWhenThereIsNoPatience) {
  // Of its answer the body never comes: one without a body would be whole.
  ScriptedServer server([](const Received&) { return Reply{.body = "later", .cut_after = 0, .hang = true}; });
  const auto store = open_blob_store("s3://bucket", settings_of(server));
  store->set_patience(std::chrono::milliseconds(0));
  const auto error = error_of([&] { put(*store, "rows"); });
  EXPECT_EQ(error.code(), ErrorCode::blob_store_failed);
  EXPECT_THAT(error.what(), HasSubstr("stopped while waiting"));
}

TEST(ObjectStore, WithoutKeysIsASetting) {
  EXPECT_EQ(error_of([] { open_blob_store("s3://bucket"); }).code(), ErrorCode::invalid_setting);
}

}  // namespace
}  // namespace wellhead::storage
