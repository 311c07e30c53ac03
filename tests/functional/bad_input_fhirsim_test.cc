// Bad input and broken surroundings: each gets one clear line, an exit code, a failed run that names the step, and a
// load that completes once the cause is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;
using testing::HasSubstr;

struct Outcome {
  int exit_code = 0;
  std::string text;  // on both streams
};

class BadInput : public testing::Test {
 protected:
  BadInput() : server_({"--generate", "40", "--observations", "5", "--zip", "02139"}) {}

  std::map<std::string, std::string> settings() const {
    return {{"WELLHEAD_SOURCE_URL", server_.base_url()},
            {"WELLHEAD_DATABASE_URL", warehouse_.database_url()},
            {"WELLHEAD_BLOB_URL", warehouse_.blob_url()},
            {"WELLHEAD_HOME", home_.path().string()},
            {"WELLHEAD_RETRY_ATTEMPTS", "2"},
            {"WELLHEAD_RETRY_DELAY", "10ms"}};
  }

  static Outcome run(std::vector<std::string> arguments, const std::map<std::string, std::string>& settings) {
    Process process(WELLHEAD_PROGRAM, std::move(arguments), settings);
    const int exit_code = process.wait();
    return {exit_code, process.output() + process.errors()};
  }

  Outcome load(const std::map<std::string, std::string>& changed) const {
    auto all = settings();
    for (const auto& [name, value] : changed) all[name] = value;
    return run({"load", "02139"}, all);
  }

  // A failed run says where, and the same load completes when nothing is in its way any more.
  void expect_failed_then_complete(const std::string& step) {
    EXPECT_EQ(warehouse_.value("SELECT state FROM run ORDER BY run_id DESC LIMIT 1"), "failed");
    EXPECT_EQ(warehouse_.value("SELECT failed_step FROM run ORDER BY run_id DESC LIMIT 1"), step);
    expect_completes();
  }

  void expect_completes() {
    server_.clear_faults();
    const auto again = load({});
    EXPECT_EQ(again.exit_code, 0) << again.text;
    EXPECT_EQ(warehouse_.number("SELECT count(*) FROM patient"), 40);
    EXPECT_EQ(warehouse_.number("SELECT count(*) FROM observation"), 200);
  }

  FhirSim server_;
  Warehouse warehouse_;
  fixture::TestDirectory home_;
};

TEST_F(BadInput, WhatIsNoZipcodeIsWrongUse) {
  for (const auto* zip : {"2139", "021390", "0213x", ""}) {
    const auto outcome = run({"load", zip}, settings());
    EXPECT_EQ(outcome.exit_code, 2) << zip;
    EXPECT_THAT(outcome.text, HasSubstr("five digits")) << zip;
  }
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM run"), 0);
}

TEST_F(BadInput, UnreachableSource) {
  const auto outcome = load({{"WELLHEAD_SOURCE_URL", "http://127.0.0.1:1/fhir"}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("http://127.0.0.1:1/fhir"));
  expect_failed_then_complete("begin_load");
}

TEST_F(BadInput, SourceThatIsNoFhirServer) {
  const auto nothing_there = load({{"WELLHEAD_SOURCE_URL", server_.base_url() + "/nothing/here"}});
  EXPECT_EQ(nothing_there.exit_code, 1);
  EXPECT_THAT(nothing_there.text, HasSubstr("404"));
  expect_failed_then_complete("begin_load");
}

TEST_F(BadInput, SourceThatAnswersHtml) {
  server_.add_fault(R"({"kind":"html_error","status":200})");
  const auto outcome = load({});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("HTML"));
  expect_failed_then_complete("begin_load");
}

TEST_F(BadInput, SourceThatGoesSilent) {
  server_.add_fault(R"({"kind":"hold","match":"Observation"})");
  // Long enough for the other requests on a busy machine.
  const auto outcome = load({{"WELLHEAD_READ_TIMEOUT", "600ms"}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("extract_observations"));
  expect_failed_then_complete("extract_observations");
}

TEST_F(BadInput, SourceThatRefusesTheCredentials) {
  server_.add_fault(R"({"kind":"bearer","token":"right"})");
  const auto outcome = load({{"WELLHEAD_SOURCE_TOKEN", "wrong-secret"}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("401"));
  EXPECT_THAT(outcome.text, testing::Not(HasSubstr("wrong-secret")));
  expect_failed_then_complete("begin_load");
}

TEST_F(BadInput, TlsThatFails) {
  auto url = server_.base_url();
  url.replace(0, 4, "https");
  const auto outcome = load({{"WELLHEAD_SOURCE_URL", url}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("TLS"));
  expect_failed_then_complete("begin_load");
}

TEST_F(BadInput, BlobDirectoryThatCannotBeWritten) {
  // A file where the directory should be, which stops root as well.
  const auto blocked = home_.path() / "blocked";
  std::ofstream(blocked) << "a file";
  const auto outcome = load({{"WELLHEAD_BLOB_URL", "file://" + (blocked / "blobs").string()}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr(blocked.string()));
  expect_completes();
}

TEST_F(BadInput, FullDiskInTheBlobDirectory) {
  // A limit on the size of files fails writes as a full disk does, without needing a disk of its own.
  const std::string program = std::filesystem::absolute(WELLHEAD_PROGRAM);
  Process process("/usr/bin/prlimit", {"--fsize=2000", program, "load", "02139"}, settings());
  EXPECT_EQ(process.wait(), 1) << process.errors();
  EXPECT_THAT(process.output() + process.errors(), HasSubstr(warehouse_.blob_directory().string()));
  expect_failed_then_complete("extract_patients");
}

TEST_F(BadInput, DatabaseThatIsNotThere) {
  const auto outcome = load({{"WELLHEAD_DATABASE_URL", "postgresql://someone:topsecret@127.0.0.1:1/wellhead"}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("127.0.0.1"));
  EXPECT_THAT(outcome.text, testing::Not(HasSubstr("topsecret")));
  expect_completes();
}

TEST_F(BadInput, DatabaseWithoutPermission) {
  fixture::TestDatabase database;
  auto connection = database.connect();
  const auto role = database.name() + "_reader";
  connection.execute("CREATE ROLE " + role + " LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
  auto url = database.url();
  const auto user = url.find("user=postgres");
  ASSERT_NE(user, std::string::npos) << url;
  url.replace(user, std::string("user=postgres").size(), "user=" + role);
  const auto outcome = load({{"WELLHEAD_DATABASE_URL", url}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("may not create tables"));
  connection.execute("DROP ROLE " + role);
}

TEST_F(BadInput, TwoLoadsOfOneZipcodeAtOnceAreOneRun) {
  server_.add_fault(R"({"kind":"hold"})");
  Process first(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  Process second(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  // A process looks at the lease once it has queued or joined its run.
  fixture::wait_until([&] {
    return !first.running() || !second.running() ||
           warehouse_.number(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
               "AND application_name = 'wellhead lease'") == 2;
  });
  server_.clear_faults();
  EXPECT_EQ(first.wait(), 0) << first.errors();
  EXPECT_EQ(second.wait(), 0) << second.errors();
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM run"), 1);
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM observation"), 200);
}

TEST_F(BadInput, UnknownSettingIsNamed) {
  const auto outcome = load({{"WELLHEAD_PAGE_SIZ", "20"}});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.text, HasSubstr("WELLHEAD_PAGE_SIZ"));
  EXPECT_THAT(outcome.text, HasSubstr("WELLHEAD_PAGE_SIZE")) << "the near match";
}

}  // namespace
}  // namespace wellhead::functional
