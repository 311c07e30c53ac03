#include "library/orchestration/temporal/payload_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <temporal/api/workflowservice/v1/request_response.pb.h>

#include <map>
#include <string>

#include "library/orchestration/temporal/messages.h"
#include "library/orchestration/temporal/payload_border.h"
#include "tests/fixture/thrown.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using fixture::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// 32 bytes each.
constexpr const char* kOld = "old:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
constexpr const char* kNew = "new:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

api::common::v1::Payload plain() {
  api::common::v1::Payload payload;
  set_payload(payload, R"({"zipcode":"02139"})");
  (*payload.mutable_metadata())["more"] = "kept";
  return payload;
}

// The order of a map's bytes is any.
std::map<std::string, std::string> parts_of(const api::common::v1::Payload& payload) {
  std::map<std::string, std::string> parts(payload.metadata().begin(), payload.metadata().end());
  parts["data"] = payload.data();
  return parts;
}

TEST(PayloadCodec, WhatItEncryptsItReadsAgain) {
  const PayloadCodec codec(kNew);
  auto payload = plain();
  codec.encode(payload);
  EXPECT_EQ(payload.metadata().at("encoding"), "binary/encrypted");
  EXPECT_EQ(payload.metadata().at("encryption-key-id"), "new");
  EXPECT_THAT(payload.SerializeAsString(), AllOf(Not(HasSubstr("02139")), Not(HasSubstr("kept"))));
  auto again = plain();
  codec.encode(again);
  EXPECT_NE(payload.data(), again.data()) << "nonces must differ";
  codec.decode(payload);
  EXPECT_EQ(parts_of(payload), parts_of(plain()));
}

TEST(PayloadCodec, KeysMayBeChanged) {
  auto payload = plain();
  PayloadCodec(kOld).encode(payload);
  const PayloadCodec both(std::string(kNew) + "," + kOld);
  both.decode(payload);
  EXPECT_EQ(payload_of(payload), R"({"zipcode":"02139"})");
  both.encode(payload);
  EXPECT_EQ(payload.metadata().at("encryption-key-id"), "new");
  // What was sent before there were keys.
  auto clear = plain();
  both.decode(clear);
  EXPECT_EQ(parts_of(clear), parts_of(plain()));
}

TEST(PayloadCodec, NamesAKeyThatIsNotThereAndNoticesDamage) {
  auto payload = plain();
  const PayloadCodec codec(kNew);
  codec.encode(payload);
  auto copy = payload;
  EXPECT_THAT(error_of([&] { PayloadCodec(kOld).decode(copy); }).message(), HasSubstr("'new', which is not here"));
  payload.mutable_data()->back() ^= 1;
  EXPECT_THAT(error_of([&] { codec.decode(payload); }).message(), HasSubstr("does not open with key 'new'"));
  payload.set_data("short");
  EXPECT_THROW(codec.decode(payload), meta::Error);
}

TEST(PayloadCodec, WithoutKeysEncryptsNothingAndSaysWhatIsMissing) {
  const PayloadCodec none;
  auto payload = plain();
  none.encode(payload);
  EXPECT_EQ(parts_of(payload), parts_of(plain()));
  none.decode(payload);
  EXPECT_EQ(parts_of(payload), parts_of(plain()));
  PayloadCodec(kNew).encode(payload);
  EXPECT_THAT(error_of([&] { none.decode(payload); }).message(), HasSubstr("'new', which is not here"));
}

TEST(PayloadCodec, RefusesKeysThatAreNone) {
  for (const std::string keys : {"", "new", "new:", "new:c2hvcnQ=", ":YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=",
                                 "new:!!!!", "new:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY"}) {
    const auto error = error_of([&] { const PayloadCodec codec{keys}; });
    EXPECT_EQ(error.code(), meta::ErrorCode::invalid_setting) << keys;
    EXPECT_THAT(error.what(), Not(HasSubstr("c2hvcnQ"))) << "keys are secrets";
  }
  EXPECT_THROW(PayloadCodec(std::string(kNew) + "," + kNew), meta::Error) << "one id twice";
}

TEST(Border, HidesTheTextsOfFailures) {
  const PayloadCodec codec(kNew);
  api::failure::v1::Failure failure;
  set_failure(failure, {.code = "source_failed", .message = "the server of 02139 is on fire"}, true);
  Border(codec, Border::Direction::out).cross(failure);
  EXPECT_THAT(failure.SerializeAsString(), Not(HasSubstr("02139")));
  EXPECT_EQ(failure.application_failure_info().type(), "source_failed") << "the server retries by it";
  Border(codec, Border::Direction::in).cross(failure);
  EXPECT_EQ(failure.message(), "the server of 02139 is on fire");
  EXPECT_EQ(failure_of(failure).message, "the server of 02139 is on fire");
}

TEST(Border, LeavesWhatTheServerReads) {
  const PayloadCodec codec(kNew);
  api::workflowservice::v1::StartWorkflowExecutionRequest request;
  add_payload(*request.mutable_input(), R"("02139")");
  set_payload((*request.mutable_search_attributes()->mutable_indexed_fields())["Kind"], R"("load")");
  Border(codec, Border::Direction::out).cross(request);
  EXPECT_EQ(request.search_attributes().indexed_fields().at("Kind").data(), R"("load")");
  EXPECT_THAT(request.input().SerializeAsString(), Not(HasSubstr("02139")));
}

}  // namespace
}  // namespace wellhead::orchestration::temporal_engine
