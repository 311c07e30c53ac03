#include "library/storage/blob/blob_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::error_of;
using meta::Error;
using meta::ErrorCode;
using testing::HasSubstr;

namespace fs = std::filesystem;

class BlobStoreTest : public testing::Test {
 protected:
  std::string read(const BlobKey& key) {
    std::string content;
    store_->read(key, [&](std::string_view piece) { content.append(piece); });
    return content;
  }

  BlobKey put(std::string_view content) {
    auto writer = store_->create("csv", ".csv.zst");
    writer->write(content);
    return writer->finish().key;
  }

  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path()))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  fixture::TestDirectory directory_;
  std::unique_ptr<BlobStore> store_ = open_blob_store("file://" + (directory_.path() / "made" / "here").string());
};

TEST_F(BlobStoreTest, NamesABlobByItsContentAndGivesItBack) {
  std::string content;
  for (int i = 0; i < 200000; ++i) content += std::to_string(i);
  auto writer = store_->create("raw", ".ndjson.zst");
  for (std::size_t at = 0; at < content.size(); at += 100000)
    writer->write(std::string_view(content).substr(at, 100000));
  const auto written = writer->finish();
  const auto digest = meta::sha256_hex(content);
  EXPECT_EQ(written.key.text, "raw/" + digest.substr(0, 2) + "/" + digest + ".ndjson.zst");
  EXPECT_EQ(written.bytes, content.size());
  EXPECT_EQ(store_->size(written.key), content.size());
  EXPECT_EQ(read(written.key), content);
  EXPECT_EQ(store_->read_range(written.key, 7, 11), content.substr(7, 11));
  EXPECT_EQ(store_->read_range(written.key, content.size() - 3, 10), content.substr(content.size() - 3));
}

TEST_F(BlobStoreTest, SameContentTwiceIsOneBlob) {
  EXPECT_EQ(put("rows"), put("rows"));
  EXPECT_EQ(files(), 1U);
}

TEST_F(BlobStoreTest, SameContentFromManyThreadsIsOneBlob) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([this] { put("rows"); });
  }
  EXPECT_EQ(files(), 1U);
}

TEST_F(BlobStoreTest, UnfinishedBlobLeavesNothing) {
  store_->create("csv", ".csv.zst")->write("half");
  EXPECT_EQ(files(), 0U);
}

TEST_F(BlobStoreTest, MissingAndImpossibleKeysAreBlobMissing) {
  const BlobKey missing{"csv/ab/" + std::string(64, 'a') + ".csv.zst"};
  EXPECT_EQ(error_of([&] { read(missing); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { store_->size(missing); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { store_->read_range(missing, 0, 1); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { store_->remove(missing); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { read({"../../etc/passwd"}); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { read({"/etc/passwd"}); }).code(), ErrorCode::blob_missing);
}

TEST_F(BlobStoreTest, RemovedBlobIsGone) {
  const auto key = put("rows");
  store_->remove(key);
  EXPECT_EQ(error_of([&] { read(key); }).code(), ErrorCode::blob_missing);
}

TEST_F(BlobStoreTest, DamagedBlobIsFoundByItsDigest) {
  const auto key = put("rows");
  std::ofstream(directory_.path() / "made" / "here" / key.text) << "rowz";
  EXPECT_EQ(error_of([&] { read(key); }).code(), ErrorCode::blob_corrupt);
  EXPECT_EQ(put("rows"), key);  // staging the same content again repairs it
  EXPECT_EQ(read(key), "rows");
}

// The limit on a file's size stands in for a full disk: the same call fails, at the same place.
TEST_F(BlobStoreTest, FullDiskSaysWhereAndWhatToDoAndLeavesNothing) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    put(std::string(10000, 'x'));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::blob_store_failed);
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(message, HasSubstr(store_->name()));
  EXPECT_THAT(message, HasSubstr("Free disk space"));
  EXPECT_EQ(files(), 0U);
  put(std::string(10000, 'x'));
}

TEST_F(BlobStoreTest, LeftoversOfACrashGoAfterADay) {
  const auto incoming = directory_.path() / "made" / "here" / "incoming";
  std::ofstream(incoming / "old") << "x";
  std::ofstream(incoming / "young") << "x";
  fs::last_write_time(incoming / "old", fs::file_time_type::clock::now() - std::chrono::hours(25));
  open_blob_store(store_->name());
  EXPECT_FALSE(fs::exists(incoming / "old"));
  EXPECT_TRUE(fs::exists(incoming / "young"));
}

TEST_F(BlobStoreTest, CheckWritesAndRemoves) {
  store_->check();
  EXPECT_EQ(files(), 0U);
  fs::remove_all(directory_.path() / "made");
  EXPECT_EQ(error_of([&] { store_->check(); }).code(), ErrorCode::blob_store_failed);
}

TEST(OpenBlobStore, TakesOnlyAbsoluteFileUrls) {
  for (const auto* url : {"", "/tmp/x", "file://", "file://relative", "ftp://host/x"}) {
    EXPECT_EQ(error_of([&] { open_blob_store(url); }).code(), ErrorCode::invalid_setting) << url;
  }
}

TEST(OpenBlobStore, DirectoryThatCannotBeMadeIsAFailedStore) {
  EXPECT_EQ(error_of([] { open_blob_store("file:///dev/null/blobs"); }).code(), ErrorCode::blob_store_failed);
}

}  // namespace
}  // namespace wellhead::storage
