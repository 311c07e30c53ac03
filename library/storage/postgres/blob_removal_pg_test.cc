// Old CSV blobs go, needed ones stay, and what goes wrong is made good by the next call.
#include "library/storage/postgres/blob_removal.h"

#include <filesystem>
#include <functional>
#include <set>

#include "library/storage/postgres/loader_fixture.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kWeek = std::chrono::days(7);

// A store in which some blobs cannot be deleted.
class Stubborn final : public BlobStore {
 public:
  explicit Stubborn(BlobStore& store) : store_(store) {}
  std::set<BlobKey> kept;
  std::function<void()> after_removal;

  std::unique_ptr<BlobWriter> create(std::string_view prefix, std::string_view suffix) override {
    return store_.create(prefix, suffix);
  }
  void read(const BlobKey& key, const std::function<void(std::string_view)>& receive) override {
    store_.read(key, receive);
  }
  std::string read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) override {
    return store_.read_range(key, offset, length);
  }
  std::uint64_t size(const BlobKey& key) override { return store_.size(key); }
  void list(std::string_view prefix, const std::function<void(const Listed&)>& receive) override {
    store_.list(prefix, receive);
  }
  void remove(const BlobKey& key) override {
    if (kept.contains(key)) throw Error(ErrorCode::blob_store_failed, "no permission for " + key.text);
    store_.remove(key);
    if (after_removal) after_removal();
  }
  std::string name() const override { return store_.name(); }
  void check() override { store_.check(); }

 private:
  BlobStore& store_;
};

class BlobRemovalTest : public LoaderTest {
 protected:
  // A run that ended so many days ago; negative: it is running.
  RunId run_of(int days, std::string_view zipcode = "02139") {
    const auto run = new_run(zipcode);
    if (days < 0) {
      connection_.query("UPDATE run SET state = 'running' WHERE run_id = $1", {run.value});
    } else {
      connection_.query("UPDATE run SET finished_at = now() - make_interval(days => $2) WHERE run_id = $1",
                        {run.value, days});
    }
    return run;
  }

  // A recorded batch with one blob of that content.
  BlobKey staged(RunId run, const std::string& rows) {
    BatchToLoad batch{.batch = BatchId{++last_batch_}, .blobs = {put("patient", rows)}};
    record(run, batch);
    const auto& blob = batch.blobs[0];
    connection_.query(
        "INSERT INTO staged_blob (run_id, batch, table_name, blob_key, rows, bytes) VALUES ($1, $2, $3, $4, $5, 10)",
        {run.value, batch.batch.value, blob.table, blob.key.text, blob.rows});
    return blob.key;
  }

  bool exists(const BlobKey& key) const { return fs::exists(directory_.path() / key.text); }
  RemovedBlobs remove_expired() { return remove_expired_blobs(connection_, *store_, kWeek); }
  std::int64_t marked() { return count("staged_blob WHERE removed_at IS NOT NULL"); }
};

TEST_F(BlobRemovalTest, BlobsOfRunsThatEndedLongAgoGo) {
  const auto old = staged(run_of(8), "old\n");
  const auto young = staged(run_of(6), "young\n");
  const auto open = staged(run_of(-1), "open\n");
  RawBlobWriter raw(*store_);
  raw.add("{}");
  const auto raw_key = raw.finish().key;

  const auto removed = remove_expired();
  EXPECT_EQ(removed.blobs, 1);
  EXPECT_EQ(removed.bytes, 10);
  EXPECT_EQ(removed.failed, 0);
  EXPECT_FALSE(exists(old));
  EXPECT_TRUE(exists(young) && exists(open) && exists(raw_key));
  EXPECT_EQ(marked(), 1);

  EXPECT_EQ(remove_expired().blobs, 0) << "what is gone is not looked for again";
  EXPECT_EQ(remove_expired_blobs(connection_, *store_, 0s).blobs, 1) << "the young one; the open run keeps its own";
  EXPECT_TRUE(exists(open));
}

TEST_F(BlobRemovalTest, AnOpenOrYoungerRunKeepsABlobThatItShares) {
  const auto shared_with_open = staged(run_of(8), "a\n");
  const auto open_run = run_of(-1);
  ASSERT_EQ(staged(open_run, "a\n"), shared_with_open);
  const auto shared_with_young = staged(run_of(8), "b\n");
  staged(run_of(1), "b\n");
  const auto shared_by_old = staged(run_of(8), "c\n");
  staged(run_of(9), "c\n");

  EXPECT_EQ(remove_expired().blobs, 1);
  EXPECT_TRUE(exists(shared_with_open) && exists(shared_with_young));
  EXPECT_FALSE(exists(shared_by_old));
  EXPECT_EQ(marked(), 2) << "for both runs that had it";

  connection_.execute("UPDATE run SET state = 'failed', finished_at = now() - interval '30 days'");
  EXPECT_EQ(remove_expired().blobs, 2);
  EXPECT_EQ(marked(), 6);
}

TEST_F(BlobRemovalTest, ABlobThatIsStagedAgainIsAnotherOne) {
  const auto key = staged(run_of(8), "again\n");
  EXPECT_EQ(remove_expired().blobs, 1);
  const auto run = run_of(-1);
  EXPECT_EQ(staged(run, "again\n"), key);
  EXPECT_EQ(remove_expired().blobs, 0);
  EXPECT_TRUE(exists(key));
  connection_.query("UPDATE run SET state = 'complete', finished_at = now() - interval '8 days' WHERE run_id = $1",
                    {run.value});
  EXPECT_EQ(remove_expired().blobs, 1);
  EXPECT_FALSE(exists(key));
}

TEST_F(BlobRemovalTest, WhatCannotBeDeletedIsPassedOverAndTriedAgain) {
  const auto run = run_of(8);
  Stubborn stubborn(*store_);
  for (int i = 0; i < 250; ++i) {  // more than are deleted at once
    const auto key = staged(run, std::to_string(i) + "\n");
    if (i % 50 == 0) stubborn.kept.insert(key);
  }
  const auto removed = remove_expired_blobs(connection_, stubborn, kWeek);
  EXPECT_EQ(removed.blobs, 245);
  EXPECT_EQ(removed.failed, 5);
  for (const auto& key : stubborn.kept) EXPECT_TRUE(exists(key));
  EXPECT_EQ(remove_expired().blobs, 5);
  EXPECT_EQ(marked(), 250);
}

TEST_F(BlobRemovalTest, AfterACrashInTheMiddleTheNextCallGoesOn) {
  const auto run = run_of(8);
  for (int i = 0; i < 3; ++i) staged(run, std::to_string(i) + "\n");
  Stubborn crashing(*store_);
  crashing.after_removal = [] { throw std::runtime_error("crash"); };
  EXPECT_THROW(remove_expired_blobs(connection_, crashing, kWeek), std::runtime_error);
  EXPECT_EQ(marked(), 0) << "one blob is gone and nothing says so";
  const auto removed = remove_expired();
  EXPECT_EQ(removed.blobs, 3);
  EXPECT_EQ(removed.failed, 0);
  EXPECT_EQ(marked(), 3);
}

TEST_F(BlobRemovalTest, NothingIsDeletedBetweenWritingAndRecordingABlob) {
  const auto key = staged(run_of(8), "x\n");
  const auto run = run_of(-1);
  Connection staging = database_.connect();
  {
    Transaction transaction(staging);
    hold_blobs(staging);
    put("patient", "x\n");  // the same blob, not recorded yet
    EXPECT_EQ(remove_expired().blobs, 0) << "it waits, and leaves it for the next time";
    EXPECT_TRUE(exists(key));
    staging.query(
        "INSERT INTO staged_batch (run_id, batch, resource_type, entries_received, duplicates, out_of_zip, rejected, "
        "staged, requests, retries, bytes_received, seconds, fetched_at, result) "
        "VALUES ($1, 99, 'Patient', 0, 0, 0, 0, 0, 0, 0, 0, 0, now(), '{}')",
        {run.value});
    staging.query("INSERT INTO staged_blob VALUES ($1, 99, 'patient', $2, 1, 10)", {run.value, key.text});
    transaction.commit();
  }
  EXPECT_EQ(remove_expired().blobs, 0) << "the open run has it";
  EXPECT_TRUE(exists(key));
}

}  // namespace
}  // namespace wellhead::storage
