#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "library/meta/error.h"
#include "library/storage/blob/testing/contract.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::error_of;
using meta::Error;
using meta::ErrorCode;
using testing::HasSubstr;

namespace fs = std::filesystem;

class DirectoryPlace final : public ContractPlace {
 public:
  std::unique_ptr<BlobStore> open() override { return open_blob_store("file://" + root().string()); }
  void overwrite(const BlobKey& key, std::string_view content) override {
    std::ofstream(root() / key.text, std::ios::trunc) << content;
  }

 private:
  fs::path root() const { return directory_.path() / "made" / "here"; }
  fixture::TestDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Directory, BlobStoreContract,
                         testing::Values(ContractCase{"file", [] { return std::make_unique<DirectoryPlace>(); }}));

class DirectoryStoreTest : public testing::Test {
 protected:
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

// The limit on a file's size stands in for a full disk: the same call fails, at the same place.
TEST_F(DirectoryStoreTest, FullDiskSaysWhereAndWhatToDoAndLeavesNothing) {
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

TEST_F(DirectoryStoreTest, LeftoversOfACrashGoAfterADay) {
  const auto incoming = directory_.path() / "made" / "here" / "incoming";
  std::ofstream(incoming / "old") << "x";
  std::ofstream(incoming / "young") << "x";
  fs::last_write_time(incoming / "old", fs::file_time_type::clock::now() - std::chrono::hours(25));
  open_blob_store(store_->name());
  EXPECT_FALSE(fs::exists(incoming / "old"));
  EXPECT_TRUE(fs::exists(incoming / "young"));
}

TEST_F(DirectoryStoreTest, WhatIsBeingWrittenIsNeitherListedNorLeft) {
  {
    auto writer = store_->create("csv", ".csv.zst");
    writer->write("half");
    EXPECT_EQ(files(), 1U);
    store_->list("", [](const BlobStore::Listed& blob) { ADD_FAILURE() << blob.key.text; });
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(DirectoryStoreTest, CheckFailsWhenTheDirectoryIsGone) {
  fs::remove_all(directory_.path() / "made");
  EXPECT_EQ(error_of([&] { store_->check(); }).code(), ErrorCode::blob_store_failed);
}

TEST(OpenBlobStore, TakesOnlyUrlsOfStores) {
  for (const auto* url :
       {"", "/tmp/x", "file://", "file://relative", "ftp://host/x", "s3://", "s3://a/b?x", "s3://bucket"}) {
    EXPECT_EQ(error_of([&] { open_blob_store(url); }).code(), ErrorCode::invalid_setting) << url;
  }
}

TEST(OpenBlobStore, DirectoryThatCannotBeMadeIsAFailedStore) {
  EXPECT_EQ(error_of([] { open_blob_store("file:///dev/null/blobs"); }).code(), ErrorCode::blob_store_failed);
}

}  // namespace
}  // namespace wellhead::storage
