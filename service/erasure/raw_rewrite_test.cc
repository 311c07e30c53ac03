#include "service/erasure/raw_rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture/directory.h"

namespace wellhead::erasure {
namespace {

using ::testing::ElementsAre;

const PatientIds kThem = {"smith", "a-1"};

TEST(IsOfPatients, KnowsThemByIdAndReference) {
  for (const auto* theirs :
       {R"({"resourceType":"Patient","id":"smith"})",
        R"({"resourceType":"Observation","id":"o","subject":{"reference":"Patient/smith"}})",
        R"({"resourceType":"Observation","subject":{"reference":"https://x.test/fhir/Patient/a-1/_history/2"}})",
        R"({"resourceType":"Immunization","patient":{"reference":"Patient/a-1"}})",
        R"({"resourceType":"Coverage","beneficiary":{"reference":"Patient/a-1"}})"}) {
    EXPECT_TRUE(is_of_patients(theirs, kThem)) << theirs;
  }
  for (const auto* others :
       {R"({"resourceType":"Patient","id":"smith2","link":[{"other":{"reference":"Patient/smith"}}]})",
        R"({"resourceType":"Observation","id":"smith","subject":{"reference":"Patient/jones"}})",
        R"({"resourceType":"Observation","subject":{"reference":"Patient/smith2"}})",
        R"({"resourceType":"Observation","subject":{"reference":"NotPatient/smith"}})",
        R"({"resourceType":"Observation","subject":{"reference":"Group/smith"}})",
        R"({"resourceType":"Observation","performer":[{"reference":"Patient/smith"}]})"}) {
    EXPECT_FALSE(is_of_patients(others, kThem)) << others;
  }
}

class RewriteTest : public ::testing::Test {
 protected:
  storage::RawBlobWriter::Written write(const std::vector<std::string>& resources) {
    storage::RawBlobWriter writer(*blobs_);
    for (const auto& resource : resources) writer.add(resource);
    return writer.finish();
  }
  static std::string patient(const std::string& id, std::size_t size = 0) {
    return R"({"resourceType":"Patient","id":")" + id + R"(","text":")" + std::string(size, 'x') + "\"}";
  }
  std::vector<std::string> read(const storage::RawBlobWriter::Written& blob) {
    std::vector<std::string> all;
    storage::read_resources(*blobs_, blob.key, blob.frames,
                            [&](storage::RawPosition, std::string_view resource) { all.emplace_back(resource); });
    return all;
  }

  fixture::TestDirectory directory_;
  std::unique_ptr<storage::BlobStore> blobs_ = storage::open_blob_store("file://" + directory_.path().string());
};

TEST_F(RewriteTest, TakesTheirsOutAndSaysWhereTheOthersWent) {
  // Each frame holds two.
  const std::size_t half = 600'000;
  const auto before =
      write({patient("smith", half), patient("b", half), patient("c", half), patient("a-1", half), patient("d")});
  ASSERT_EQ(before.frames, 3);
  const auto rewritten = rewrite_without(*blobs_, before.key, before.frames, kThem);
  EXPECT_EQ(rewritten.removed, 2);
  ASSERT_TRUE(rewritten.written);
  EXPECT_THAT(read(*rewritten.written), ElementsAre(patient("b", half), patient("c", half), patient("d")));
  ASSERT_EQ(rewritten.moves.size(), 3);
  for (const auto& move : rewritten.moves) {
    EXPECT_EQ(storage::read_resource(*blobs_, before.key, move.from),
              storage::read_resource(*blobs_, rewritten.written->key, move.to));
  }
}

TEST_F(RewriteTest, LeavesTheBlobsOfOthers) {
  const auto before = write({patient("b"), patient("smithers")});
  const auto rewritten = rewrite_without(*blobs_, before.key, before.frames, kThem);
  EXPECT_EQ(rewritten.removed, 0);
  EXPECT_FALSE(rewritten.written);
}

TEST_F(RewriteTest, WritesNothingWhenNothingIsLeft) {
  const auto before = write({patient("smith")});
  const auto rewritten = rewrite_without(*blobs_, before.key, before.frames, kThem);
  EXPECT_EQ(rewritten.removed, 1);
  EXPECT_FALSE(rewritten.written);
}

}  // namespace
}  // namespace wellhead::erasure
