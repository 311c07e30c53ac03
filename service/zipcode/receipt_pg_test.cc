#include "service/zipcode/receipt.h"

#include <gtest/gtest.h>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "service/resource/table.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/runs.h"
#include "tests/fixture/database.h"

namespace wellhead::zipcode {
namespace {

TEST(OutsideTotals, CountsOnlyWhatLiesOutsideBothTotals) {
  EXPECT_EQ(outside_totals(10, 10, 10), 0);
  EXPECT_EQ(outside_totals(9, 10, 8), 0) << "one was deleted while paging";
  EXPECT_EQ(outside_totals(7, 10, 8), 1);
  EXPECT_EQ(outside_totals(13, 10, 12), 1);
  EXPECT_EQ(outside_totals(13, std::nullopt, 12), 0) << "unknown totals prove nothing";
}

// A run of one patient batch with four entries (one of them repeated) and one batch of observations, all loaded.
class ReceiptOfRun : public testing::Test {
 protected:
  ReceiptOfRun() : connection_(database_.connect()) {
    storage::migrate(connection_);
    resource::ensure_tables(connection_, views_of(standard_catalog().served()));
    run_ = request_run(connection_, meta::Zipcode::parse("02139"), "http://source", {}).run;
    connection_.execute(R"(
      UPDATE run SET state = 'running', patients_before = 3, patients_after = 3;
      INSERT INTO zipcode VALUES ('02139', 1);
      INSERT INTO staged_batch (run_id, batch, resource_type, entries_received, duplicates, out_of_zip, rejected, staged,
                                server_total_before, server_total_after, requests, retries, bytes_received, seconds,
                                fetched_at, result)
      VALUES (1, 1, 'Patient', 4, 1, 1, 0, 2, NULL, NULL, 1, 0, 100, 0.5, now(), '{}'),
             (1, 2, 'Observation', 6, 0, 0, 1, 5, 6, 6, 1, 0, 100, 0.5, now(), '{}');
      INSERT INTO run_patient VALUES (1, 'a', 1, 0), (1, 'b', 1, 1), (1, 'elsewhere', 1, NULL);
      INSERT INTO staged_blob VALUES (1, 1, 'patient', 'p', 2, 10), (1, 2, 'observation', 'o', 5, 10);
      INSERT INTO load_ledger VALUES (1, 1, 'patient', 'p', 2, 0, 2, 0, 0, 0), (1, 2, 'observation', 'o', 5, 0, 3, 1, 1, 0))");
  }

  LoadOutcome issue() {
    return issue_receipt(connection_, standard_catalog(), run_, [](storage::Connection&) {});
  }

  fixture::TestDatabase database_;
  storage::Connection connection_;
  meta::RunId run_;
};

TEST_F(ReceiptOfRun, AddsUpAndEndsTheRun) {
  EXPECT_EQ(issue().verdict, "complete");
  const auto receipts = read_receipts(connection_, run_);
  ASSERT_EQ(receipts.size(), 2U);
  EXPECT_EQ(receipts[0].resource_type, "Patient");
  EXPECT_EQ(receipts[0].duplicates, 1);
  EXPECT_EQ(receipts[0].out_of_zip, 1);
  EXPECT_EQ(receipts[0].staged, 2);
  EXPECT_EQ(receipts[1].inserted, 3);
  EXPECT_EQ(receipts[1].rejected, 1);
  const auto run = read_run(connection_, run_);
  EXPECT_EQ(run.state, "complete");
  EXPECT_NE(receipt_sentence(run, receipts).find("2 patients, 5 observations, 1 rejected, 0 missing"),
            std::string::npos);
  EXPECT_EQ(connection_.query("SELECT last_complete_run FROM zipcode").integer(0, 0), run_.value);
  EXPECT_EQ(issue().verdict, "complete") << "asked again it answers alike";
}

TEST_F(ReceiptOfRun, RepeatedEntriesThatTheLoaderLeftOutAreDuplicates) {
  connection_.execute(
      "UPDATE staged_blob SET rows = 6 WHERE table_name = 'observation';"
      "UPDATE staged_batch SET entries_received = 7, duplicates = 1 WHERE batch = 2;"
      "UPDATE load_ledger SET rows = 6, duplicates = 1 WHERE table_name = 'observation'");
  issue();
  const auto observations = read_receipts(connection_, run_).at(1);
  EXPECT_EQ(observations.entries_received, 7);
  EXPECT_EQ(observations.duplicates, 1) << "staged twice, loaded once, counted once";
  EXPECT_EQ(observations.staged, 5);
}

TEST_F(ReceiptOfRun, BlobThatWasNeverLoadedFailsTheRun) {
  connection_.execute("DELETE FROM load_ledger WHERE table_name = 'observation'");
  EXPECT_THROW(issue(), meta::Error);
  EXPECT_TRUE(read_receipts(connection_, run_).empty());
  EXPECT_TRUE(read_run(connection_, run_).open());
}

TEST_F(ReceiptOfRun, EntriesThatAreNotAccountedForFailTheRun) {
  connection_.execute("UPDATE staged_batch SET entries_received = 7 WHERE batch = 2");
  try {
    issue();
    FAIL() << "a lost entry was not noticed";
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::internal);
    EXPECT_NE(error.message().find("7 entries received but 6 accounted for"), std::string::npos) << error.message();
  }
}

TEST_F(ReceiptOfRun, MissingPatientsMakeItIncompleteAndHideNothing) {
  connection_.execute("UPDATE run SET patients_before = 5, patients_after = 4");
  EXPECT_EQ(issue().verdict, "incomplete");
  EXPECT_EQ(read_receipts(connection_, run_).at(0).missing, 1);
  EXPECT_TRUE(connection_.query("SELECT last_complete_run FROM zipcode").is_null(0, 0));
}

TEST_F(ReceiptOfRun, SearchesWithoutTotalsLeaveItUnverified) {
  connection_.execute("UPDATE staged_batch SET totals_known = false WHERE batch = 2");
  EXPECT_EQ(issue().verdict, "unverified");
  EXPECT_EQ(read_receipts(connection_, run_).at(0).verdict, "complete");
  EXPECT_EQ(read_receipts(connection_, run_).at(1).verdict, "unverified");
}

}  // namespace
}  // namespace wellhead::zipcode
