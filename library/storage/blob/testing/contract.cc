#include "library/storage/blob/testing/contract.h"

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {

using fixture::error_of;
using meta::ErrorCode;

std::string BlobStoreContract::read(const BlobKey& key) const {
  std::string content;
  store_->read(key, [&](std::string_view piece) { content.append(piece); });
  return content;
}

BlobKey BlobStoreContract::put(std::string_view content) const {
  auto writer = store_->create("csv", ".csv.zst");
  writer->write(content);
  return writer->finish().key;
}

std::size_t BlobStoreContract::blobs(std::string_view prefix) const {
  std::size_t count = 0;
  store_->list(prefix, [&](const BlobStore::Listed&) { ++count; });
  return count;
}

namespace {

std::string some_content(std::size_t bytes) {
  std::string content;
  content.reserve(bytes);
  for (std::size_t number = 0; content.size() < bytes; ++number) content += std::to_string(number * 2654435761U);
  content.resize(bytes);
  return content;
}

TEST_P(BlobStoreContract, NamesABlobByItsContentAndGivesItBack) {
  const auto content = some_content(1'200'000);
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
  EXPECT_EQ(store_->read_range(written.key, content.size(), 10), "");
}

TEST_P(BlobStoreContract, LargeBlobComesInPieces) {
  const auto content = some_content(12 << 20);
  const auto key = put(content);
  EXPECT_EQ(store_->size(key), content.size());
  meta::Sha256 digest;
  std::size_t largest = 0;
  store_->read(key, [&](std::string_view piece) {
    digest.update(piece);
    largest = std::max(largest, piece.size());
  });
  EXPECT_EQ(digest.finish(), meta::sha256_hex(content));
  EXPECT_LE(largest, std::size_t{1} << 20);
  EXPECT_EQ(put(content), key);
  EXPECT_EQ(blobs(), 1U);
}

TEST_P(BlobStoreContract, EmptyBlobIsABlob) {
  const auto key = put("");
  EXPECT_EQ(store_->size(key), 0U);
  EXPECT_EQ(read(key), "");
}

TEST_P(BlobStoreContract, SameContentTwiceIsOneBlob) {
  EXPECT_EQ(put("rows"), put("rows"));
  EXPECT_EQ(blobs(), 1U);
}

TEST_P(BlobStoreContract, ManyThreadsUseItAtOnce) {
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([this, thread] {
        put("rows");
        EXPECT_EQ(read(put("rows of " + std::to_string(thread))), "rows of " + std::to_string(thread));
      });
    }
  }
  EXPECT_EQ(blobs(), 5U);
}

TEST_P(BlobStoreContract, UnfinishedBlobLeavesNothing) {
  store_->create("csv", ".csv.zst")->write("half");
  EXPECT_EQ(blobs(), 0U);
}

TEST_P(BlobStoreContract, MissingAndImpossibleKeysAreBlobMissing) {
  put("something");  // a store that is there
  const BlobKey missing{"csv/ab/" + std::string(64, 'a') + ".csv.zst"};
  EXPECT_EQ(error_of([&] { read(missing); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { store_->size(missing); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { store_->read_range(missing, 0, 1); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { store_->remove(missing); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { read({"../../etc/passwd"}); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(error_of([&] { read({"/etc/passwd"}); }).code(), ErrorCode::blob_missing);
}

TEST_P(BlobStoreContract, RemovedBlobIsGone) {
  const auto key = put("rows");
  store_->remove(key);
  EXPECT_EQ(error_of([&] { read(key); }).code(), ErrorCode::blob_missing);
  EXPECT_EQ(blobs(), 0U);
  EXPECT_EQ(put("rows"), key);
  EXPECT_EQ(read(key), "rows");
}

TEST_P(BlobStoreContract, DamagedBlobIsFoundByItsDigestAndMendedByStagingItAgain) {
  const auto key = put("rows");
  for (const auto* damage : {"rowz", "row", "rows and more", ""}) {
    place_->overwrite(key, damage);
    EXPECT_EQ(error_of([&] { read(key); }).code(), ErrorCode::blob_corrupt) << damage;
    EXPECT_EQ(put("rows"), key);
    EXPECT_EQ(read(key), "rows") << damage;
  }
}

TEST_P(BlobStoreContract, WhatAReceiverThrowsPassesThrough) {
  const auto key = put(some_content(3 << 20));
  EXPECT_EQ(error_of([&] {
              store_->read(key, [](std::string_view) { throw meta::Error(ErrorCode::cancelled, "enough"); });
            }).code(),
            ErrorCode::cancelled);
  EXPECT_EQ(read(key).size(), std::size_t{3} << 20);
}

TEST_P(BlobStoreContract, ListsByPrefixAcrossPages) {
  std::set<BlobKey> expected;
  for (int number = 0; number < 7; ++number) expected.insert(put("rows " + std::to_string(number)));
  auto other = store_->create("raw", ".ndjson.zst");
  other->write("resources");
  const auto raw = other->finish();
  std::set<BlobKey> listed;
  store_->list("csv/", [&](const BlobStore::Listed& blob) {
    EXPECT_TRUE(listed.insert(blob.key).second) << blob.key.text;
    EXPECT_EQ(blob.bytes, std::string("rows 0").size());
  });
  EXPECT_EQ(listed, expected);
  EXPECT_EQ(blobs("raw/"), 1U);
  EXPECT_EQ(blobs(), 8U);
  EXPECT_EQ(blobs(raw.key.text), 1U);
  EXPECT_EQ(blobs("nothing/"), 0U);
}

TEST_P(BlobStoreContract, CheckWritesAndRemoves) {
  store_->check();
  EXPECT_EQ(blobs(), 0U);
}

}  // namespace
}  // namespace wellhead::storage
