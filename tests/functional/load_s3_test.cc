// Loads by the program whose blobs lie in MinIO: the same rows and receipt as through a directory, also when MinIO is
// killed in the middle; and what goes wrong with a store: one clear line, the run failed at that step, a retry
// completes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "library/storage/blob/blob_store.h"
#include "library/storage/blob/s3_dialect.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/minio.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"
#include "tests/functional/program.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Minio;
using fixture::Process;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

struct Outcome {
  int exit_code = 0;
  std::string text;  // on both streams
};

constexpr auto kPlace = "s3://staging/some/prefix";

storage::ObjectStoreSettings of(const Minio& minio) {
  storage::ObjectStoreSettings settings;
  settings.endpoint = minio.endpoint();
  settings.access_key = minio.access_key();
  settings.secret_key = minio.secret_key();
  return settings;
}

// Whatever its key says.
void overwrite(const Minio& minio, const storage::BlobKey& key, std::string_view content) {
  const auto settings = of(minio);
  storage::Spool spool(content.size());
  spool.write(content);
  const storage::Patience patience(settings.patience);
  storage::ObjectHttp http(settings, patience);
  storage::ObjectAnswer answer;
  const auto dialect = storage::make_s3_dialect("staging/some/prefix", settings);
  EXPECT_FALSE(
      http.perform(dialect->put(key, {&spool, 0, spool.size(), spool.sha256(0, spool.size()), {}}, false), answer));
  EXPECT_EQ(answer.status, 200) << answer.body;
}

class LoadThroughS3 : public testing::Test {
 protected:
  LoadThroughS3() : server_({"--generate", "60", "--observations", "10", "--zip", "02139"}) {
    const auto outcome = run({"load", "02139"}, program_settings(directory_, server_));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
    server_.clear_log();
  }

  Environment settings(const Minio& minio) const {
    auto all = program_settings(warehouse_, server_);
    all["WELLHEAD_BLOB_URL"] = kPlace;
    all["WELLHEAD_CREATE_BUCKET"] = "yes";
    all["AWS_ENDPOINT_URL"] = minio.endpoint();
    all["AWS_ACCESS_KEY_ID"] = minio.access_key();
    all["AWS_SECRET_ACCESS_KEY"] = minio.secret_key();
    return all;
  }

  // Whatever it writes, no secret is part of it.
  Outcome run(std::vector<std::string> arguments, const Environment& environment) const {
    Process process(WELLHEAD_PROGRAM, std::move(arguments), environment);
    const int exit_code = process.wait();
    Outcome outcome{exit_code, process.output() + process.errors()};
    for (const auto* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
      const auto set = environment.find(name);
      if (set == environment.end()) continue;
      EXPECT_THAT(outcome.text, Not(HasSubstr(set->second)));
    }
    return outcome;
  }

  // The load fails at the step with these words, on the terminal and in the run's history; then it completes.
  void expect_failure(const Environment& broken, const Environment& mended, const std::string& step,
                      const std::vector<std::string>& words) {
    const auto outcome = run({"load", "02139"}, broken);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.text;
    for (const auto& word : words) EXPECT_THAT(outcome.text, HasSubstr(word));
    expect_retry_completes(broken, mended, step, words);
  }

  void expect_retry_completes(const Environment& broken, const Environment& mended, const std::string& step,
                              const std::vector<std::string>& words) {
    EXPECT_EQ(warehouse_.value("SELECT state FROM run"), "failed");
    EXPECT_EQ(warehouse_.value("SELECT failed_step FROM run"), step);
    const auto shown = run({"runs", "show", "1", "--all"}, broken);
    EXPECT_EQ(shown.exit_code, 0) << shown.text;
    for (const auto& word : words) EXPECT_THAT(shown.text, HasSubstr(word));
    const auto retried = run({"runs", "retry", "1"}, mended);
    EXPECT_EQ(retried.exit_code, 0) << retried.text;
    expect_equal();
  }

  void expect_equal() const {
    EXPECT_EQ(warehouse_.value("SELECT state FROM run"), "complete");
    EXPECT_EQ(warehouse_.content(), directory_.content());
    EXPECT_EQ(warehouse_.receipts(), directory_.receipts());
  }

  void hold_after(std::size_t requests) {
    server_.add_fault(R"({"kind":"hold","after":)" + std::to_string(requests) + "}");
  }

  // One step after the other, so that after so many requests so many batches are staged.
  Environment in_a_row(const Minio& minio) const {
    auto all = settings(minio);
    all["WELLHEAD_CONCURRENCY"] = "1";
    return all;
  }

  FhirSim server_;
  Warehouse directory_;
  Warehouse warehouse_;
};

TEST_F(LoadThroughS3, GivesTheSameRowsAndReceiptAsThroughADirectory) {
  Minio minio;
  const auto outcome = run({"load", "02139"}, settings(minio));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  expect_equal();
  const auto store = storage::open_blob_store(kPlace, of(minio));
  std::int64_t blobs = 0;
  store->list("csv/", [&](const storage::BlobStore::Listed&) { ++blobs; });
  EXPECT_EQ(blobs, warehouse_.number("SELECT count(DISTINCT blob_key) FROM staged_blob"));
  EXPECT_EQ(run({"doctor"}, settings(minio)).exit_code, 0);
}

TEST_F(LoadThroughS3, OutlastsAMinioThatIsKilledAndComesBack) {
  Minio minio;
  server_.add_fault(R"({"kind":"latency","ms":15})");
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, in_a_row(minio));
  for (const std::int64_t staged : {2, 4}) {
    hold_after(static_cast<std::size_t>(10 * staged));
    fixture::wait_until(
        [&] { return !load.running() || warehouse_.number("SELECT count(*) FROM staged_batch") >= staged; });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
    const auto written = load.errors().size();
    minio.kill();
    server_.clear_faults();
    server_.add_fault(R"({"kind":"latency","ms":15})");
    // It has noticed.
    fixture::wait_until(
        [&] { return !load.running() || load.errors().find("trying again", written) != std::string::npos; });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
    minio.start();
  }
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  expect_equal();
}

TEST_F(LoadThroughS3, StopsWithinSecondsWhileMinioIsGone) {
  Minio minio;
  hold_after(30);
  {
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, in_a_row(minio));
    fixture::wait_until([&] { return !load.running() || warehouse_.number("SELECT count(*) FROM staged_batch") >= 2; });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
    minio.kill();
    server_.clear_faults();
    fixture::wait_until([&] { return !load.running() || load.errors().find("trying again") != std::string::npos; });
    load.signal(SIGTERM);
    EXPECT_EQ(load.wait(std::chrono::seconds(30)), 1) << load.errors();
  }
  minio.start();
  const auto outcome = run({"load", "02139"}, settings(minio));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  expect_equal();
}

TEST_F(LoadThroughS3, WrongKeys) {
  Minio minio;
  auto broken = settings(minio);
  broken["AWS_SECRET_ACCESS_KEY"] = "not-the-right-secret";
  expect_failure(broken, settings(minio), "extract_patients",
                 {"s3://staging/some/prefix", "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"});
}

TEST_F(LoadThroughS3, MissingBucketThatMayNotBeMade) {
  Minio minio;
  auto broken = settings(minio);
  broken["WELLHEAD_CREATE_BUCKET"] = "no";
  expect_failure(broken, settings(minio), "extract_patients", {"NoSuchBucket", "WELLHEAD_CREATE_BUCKET"});
}

TEST_F(LoadThroughS3, TlsWithAnUnknownAuthority) {
  Minio minio({.tls = true});
  const auto broken = settings(minio);
  auto mended = broken;
  mended["AWS_CA_BUNDLE"] = minio.ca_file();
  expect_failure(broken, mended, "extract_patients", {"TLS failed", "AWS_CA_BUNDLE"});
}

TEST_F(LoadThroughS3, EndpointThatIsNoS3) {
  Minio minio;
  auto broken = settings(minio);
  broken["AWS_ENDPOINT_URL"] = server_.base_url();
  expect_failure(broken, settings(minio), "extract_patients", {"S3 store", "AWS_ENDPOINT_URL"});
}

// Signatures of a machine whose clock is two hours late.
TEST_F(LoadThroughS3, ClockThatIsWrong) {
  Minio minio;
  auto broken = settings(minio);
  broken["LD_PRELOAD"] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
  broken["FAKETIME"] = "-2h";
  broken["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
  ASSERT_TRUE(fs::exists(broken["LD_PRELOAD"])) << "scripts/packages s3 installs it";
  expect_failure(broken, settings(minio), "extract_patients", {"RequestTimeTooSkewed", "clock"});
}

TEST_F(LoadThroughS3, BlobsThatVanishBehindItsBack) {
  Minio minio;
  hold_after(30);
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(minio));
  fixture::wait_until([&] { return !load.running() || warehouse_.number("SELECT count(*) FROM staged_batch") >= 3; });
  ASSERT_TRUE(load.running()) << load.output() << load.errors();
  const auto blobs = minio.data() / "staging" / "some" / "prefix" / "csv";
  fs::rename(blobs, minio.data() / "kept");
  server_.clear_faults();
  EXPECT_EQ(load.wait(), 1) << load.output() << load.errors();
  EXPECT_THAT(load.output() + load.errors(), AllOf(HasSubstr("blob csv/"), HasSubstr("is not in s3://staging")));
  // Those that were written meanwhile stay.
  fs::copy(minio.data() / "kept", blobs, fs::copy_options::recursive | fs::copy_options::skip_existing);
  expect_retry_completes(settings(minio), settings(minio), "load_staged", {"is not in s3://staging"});
}

TEST_F(LoadThroughS3, BlobsThatAreCutShortBehindItsBack) {
  Minio minio;
  hold_after(30);
  const auto environment = settings(minio);
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
  fixture::wait_until([&] { return !load.running() || warehouse_.number("SELECT count(*) FROM staged_batch") >= 3; });
  ASSERT_TRUE(load.running()) << load.output() << load.errors();
  const auto store = storage::open_blob_store(kPlace, of(minio));
  std::map<storage::BlobKey, std::string> blobs;
  store->list("csv/", [&](const storage::BlobStore::Listed& blob) {
    store->read(blob.key, [&](std::string_view piece) { blobs[blob.key].append(piece); });
  });
  for (const auto& [key, content] : blobs) overwrite(minio, key, content.substr(0, content.size() / 2));
  server_.clear_faults();
  EXPECT_EQ(load.wait(), 1) << load.output() << load.errors();
  const std::vector<std::string> words = {"blob csv/", "in s3://staging/some/prefix", "is damaged"};
  for (const auto& word : words) EXPECT_THAT(load.output() + load.errors(), HasSubstr(word));
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM observation"), 0) << "nothing of it is loaded";
  for (const auto& [key, content] : blobs) overwrite(minio, key, content);
  expect_retry_completes(environment, environment, "load_staged", words);
}

TEST_F(LoadThroughS3, FullDiskInMinio) {
  Minio minio({.disk_size = "32m"});
  minio.fill_disk();
  const std::vector<std::string> words = {"s3://staging", minio.endpoint(), "ree disk space"};
  const auto outcome = run({"load", "02139"}, settings(minio));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.text;
  for (const auto& word : words) EXPECT_THAT(outcome.text, HasSubstr(word));
  minio.free_disk();
  expect_retry_completes(settings(minio), settings(minio), "extract_patients", words);
}

TEST_F(LoadThroughS3, SecretsAreShownNowhere) {
  Minio minio;
  auto environment = settings(minio);
  environment["WELLHEAD_LOG_LEVEL"] = "trace";
  const auto loaded = run({"load", "02139"}, environment);
  EXPECT_EQ(loaded.exit_code, 0) << loaded.text;
  environment["AWS_SESSION_TOKEN"] = "a-session-token";
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"settings"}, {"settings", "--json"}, {"doctor"}, {"doctor", "--json"}, {"runs", "show", "1", "--all"}}) {
    const auto outcome = run(command, environment);
    EXPECT_FALSE(outcome.text.empty());
  }
  EXPECT_THAT(run({"settings"}, environment).text, HasSubstr("(hidden)"));
  for (const auto& secret : {minio.access_key(), minio.secret_key()}) {
    EXPECT_EQ(warehouse_.number("SELECT count(*) FROM wellhead_journal.event e WHERE position('" + secret +
                                "' IN e::text) > 0"),
              0);
  }
}

}  // namespace
}  // namespace wellhead::functional
