// What goes wrong during a load writes nothing, and repeating the call succeeds.
#include <fstream>

#include "library/storage/postgres/loader.h"
#include "library/storage/postgres/loader_fixture.h"

namespace wellhead::storage {
namespace {

using testing::ElementsAre;
using LoaderFaultsTest = LoaderTest;

TEST_F(LoaderFaultsTest, DamagedMissingAndShortBlobsLoadNothing) {
  const auto run = new_run();
  const auto good = stage(run, "patient", {{"a", "A"}});
  const auto damaged = stage(run, "patient", {{"b", "B"}});
  const auto file = directory_.path() / damaged.blobs[0].key.text;
  std::string content((std::istreambuf_iterator<char>(std::ifstream(file).rdbuf())), {});
  std::ofstream(file) << content << "x";
  EXPECT_EQ(error_of([&] { load(run, {good, damaged}); }).code(), ErrorCode::blob_corrupt);

  auto missing = stage(run, "patient", {{"c", "C"}});
  store_->remove(missing.blobs[0].key);
  EXPECT_EQ(error_of([&] { load(run, {good, missing}); }).code(), ErrorCode::blob_missing);

  auto short_one = stage(run, "patient", {{"d", "D"}});
  short_one.blobs[0].rows = 2;
  EXPECT_EQ(error_of([&] { load(run, {good, short_one}); }).code(), ErrorCode::blob_corrupt);

  EXPECT_EQ(count("patient") + count("load_ledger"), 0);
  EXPECT_TRUE(connection_.idle());
}

TEST_F(LoaderFaultsTest, RowsStagedWithOtherColumnsAreRefusedWithAdvice) {
  const auto run = new_run();
  BatchToLoad batch{.batch = BatchId{++last_batch_}, .blobs = {}};
  batch.blobs.push_back(put("patient", "a,1\n"));
  record(run, batch);
  const auto error = error_of([&] { load(run, {batch}); });
  EXPECT_EQ(error.code(), ErrorCode::database_refused);
  EXPECT_THAT(error.advice(), testing::HasSubstr("load the zip code again"));
  EXPECT_EQ(count("patient") + count("load_ledger"), 0);
}

TEST_F(LoaderFaultsTest, LostLeaseWritesNothing) {
  const auto run = new_run();
  const auto batch = stage(run, "patient", {{"a", "A"}});
  const auto error = error_of([&] {
    load_batches(connection_, *store_, request(run, {batch}),
                 [](Connection&) { throw Error(ErrorCode::lease_lost, "another owns it"); });
  });
  EXPECT_EQ(error.code(), ErrorCode::lease_lost);
  EXPECT_EQ(count("patient") + count("load_ledger"), 0);
  EXPECT_TRUE(connection_.idle());
}

// Calls back in the middle of the n-th blob that is read.
class Interrupting final : public BlobStore {
 public:
  Interrupting(BlobStore& store, int blob, std::function<void()> action)
      : store_(store), countdown_(blob), action_(std::move(action)) {}
  std::unique_ptr<BlobWriter> create(std::string_view prefix, std::string_view suffix) override {
    return store_.create(prefix, suffix);
  }
  void read(const BlobKey& key, const std::function<void(std::string_view)>& receive) override {
    store_.read(key, receive);
    if (--countdown_ == 0) action_();
  }
  std::string read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) override {
    return store_.read_range(key, offset, length);
  }
  std::uint64_t size(const BlobKey& key) override { return store_.size(key); }
  void list(std::string_view prefix, const std::function<void(const Listed&)>& receive) override {
    store_.list(prefix, receive);
  }
  void remove(const BlobKey& key) override { store_.remove(key); }
  std::string name() const override { return store_.name(); }
  void check() override { store_.check(); }

 private:
  BlobStore& store_;
  int countdown_;
  std::function<void()> action_;
};

TEST_F(LoaderFaultsTest, ConnectionKilledInMidCopyLoadsNothingAndRepeatingSucceeds) {
  const auto run = new_run();
  const auto one = stage(run, "patient", {{"a", "A"}});
  const auto two = stage(run, "patient", {{"b", "B"}});
  {
    auto doomed = database_.connect();
    Interrupting store(*store_, 2,
                       [&] { connection_.query("SELECT pg_terminate_backend($1, 10000)", {doomed.backend_pid()}); });
    const auto error = error_of([&] { load_batches(doomed, store, request(run, {one, two}), no_fence); });
    EXPECT_EQ(error.code(), ErrorCode::database_unreachable);
    EXPECT_TRUE(error.retryable());
  }
  EXPECT_EQ(count("patient") + count("load_ledger"), 0);
  EXPECT_THAT(texts(load(run, {one, two})), ElementsAre("patient: 2 = 0 + 2 + 0 + 0 + 0"));
}

TEST_F(LoaderFaultsTest, ConflictRepeatsTheTransactionABoundedNumberOfTimes) {
  const auto run = new_run();
  const auto batch = stage(run, "patient", {{"a", "A"}});
  int calls = 0;
  const auto counts = load_batches(connection_, *store_, request(run, {batch}), [&](Connection& connection) {
    if (++calls < 3) connection.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$");
  });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(counts.at(0).inserted, 1);

  calls = 0;
  const auto error = error_of([&] {
    load_batches(connection_, *store_, request(run, {batch}), [&](Connection& connection) {
      ++calls;
      connection.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$");
    });
  });
  EXPECT_EQ(error.code(), ErrorCode::database_conflict);
  EXPECT_LT(calls, 20);
}

TEST_F(LoaderFaultsTest, RowsWithoutATargetAndBatchesNeverStagedAreRefused) {
  const auto run = new_run();
  auto batch = stage(run, "patient", {{"a", "A"}});
  auto stray = batch;
  stray.blobs[0].table = "nothing";
  EXPECT_EQ(error_of([&] { load(run, {stray}); }).code(), ErrorCode::internal);
  batch.batch.value = 999;
  EXPECT_EQ(error_of([&] { load(run, {batch}); }).code(), ErrorCode::internal);
}

TEST_F(LoaderFaultsTest, EmptyBatchAndEmptyRequestAreFine) {
  const auto run = new_run();
  const BatchToLoad empty{.batch = BatchId{++last_batch_}, .blobs = {}};
  record(run, empty);
  EXPECT_TRUE(load(run, {empty}).empty());
  EXPECT_TRUE(load(run, {}).empty());
}

}  // namespace
}  // namespace wellhead::storage
