// The command line without any server: help, exit status, one line on standard error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "library/meta/describe.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/process.h"

namespace wellhead::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

using Environment = std::map<std::string, std::string>;

// What `settings --json` says of each.
struct ListedSetting {
  std::string name;
  std::string value;
  std::string from;
  static constexpr auto kFields =
      meta::fields(meta::field("name", &ListedSetting::name), meta::field("value", &ListedSetting::value),
                   meta::field("from", &ListedSetting::from));
};

struct Outcome {
  int status = 0;
  std::string output;
  std::string errors;
};

Outcome run(const std::vector<std::string>& arguments, Environment environment = {}) {
  environment.try_emplace("WELLHEAD_HOME", "/nonexistent/wellhead");
  fixture::Process process(WELLHEAD_PROGRAM, arguments, environment);
  const int status = process.wait(std::chrono::seconds(60));
  return {status, process.output(), process.errors()};
}

void expect_wrong_use(const Outcome& outcome, const std::string& named) {
  EXPECT_EQ(outcome.status, 2) << outcome.output << outcome.errors;
  EXPECT_THAT(outcome.errors, AllOf(StartsWith("wellhead: "), HasSubstr(named)));
  EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
}

std::vector<std::string> with_option(const std::string& command, std::string option) {
  std::vector<std::string> words;
  std::istringstream text(command);
  for (std::string word; text >> word;) words.push_back(word);
  words.push_back(std::move(option));
  return words;
}

class EveryCommand : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryCommand, HasHelpWithExamples) {
  const auto outcome = run(with_option(GetParam(), "--help"));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.errors, "");
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("Examples:\n  wellhead"), HasSubstr("wellhead " + GetParam())));
}

INSTANTIATE_TEST_SUITE_P(Cli, EveryCommand,
                         ::testing::Values("up", "serve", "worker", "load", "runs", "runs show", "runs watch",
                                           "runs retry", "runs pause", "runs resume", "runs cancel", "keys create",
                                           "keys list", "keys revoke", "migrate", "settings", "psql", "doctor",
                                           "health"));

// psql has none of its own to refuse: it takes what psql takes.
class CommandWithOptions : public ::testing::TestWithParam<std::string> {};

TEST_P(CommandWithOptions, RefusesAnUnknownOne) {
  expect_wrong_use(run(with_option(GetParam(), "--no-such-option")), "--no-such-option");
}

INSTANTIATE_TEST_SUITE_P(Cli, CommandWithOptions,
                         ::testing::Values("up", "serve", "worker", "load 02139", "runs", "runs show 1", "runs watch 1",
                                           "runs retry 1", "runs pause 1", "runs resume 1", "runs cancel 1",
                                           "keys create --role reader", "keys list", "keys revoke 1", "migrate",
                                           "settings", "doctor", "health"));

TEST(Cli, HasHelpAndVersion) {
  const auto help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output, AllOf(HasSubstr("Examples:"), HasSubstr("doctor"), HasSubstr("Exit status")));
  const auto version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.output, HasSubstr("."));
}

TEST(Cli, NamesWhatIsWrongAboutItsUse) {
  expect_wrong_use(run({}), "no command");
  expect_wrong_use(run({"lod", "02139"}), "'lod'");
  expect_wrong_use(run({"load"}), "zipcodes");
  expect_wrong_use(run({"runs", "show"}), "run");
  expect_wrong_use(run({"runs", "show", "seven"}), "seven");
  expect_wrong_use(run({"runs", "retry", "0"}), "run");
  expect_wrong_use(run({"runs", "pause"}), "run");
  expect_wrong_use(run({"runs", "--limit", "0"}), "limit");
  expect_wrong_use(run({"load", "02139", "--priority", "6"}), "priority");
  expect_wrong_use(run({"up", "--load", "1"}), "'1'");
  expect_wrong_use(run({"load", "02139"}), "WELLHEAD_SOURCE_URL");
  expect_wrong_use(run({"health", "--listen", "0.0.0.0:0"}), "WELLHEAD_LISTEN");
}

TEST(Cli, RefusesWhatIsNoZipCode) {
  for (const auto* zip : {"2139", "021390", "02139-1234", "o2139", ""}) {
    expect_wrong_use(run({"load", "02140", zip, "--source", "http://127.0.0.1:1/fhir"}), "zip code");
  }
  expect_wrong_use(run({"runs", "--zipcode", "2139"}), "2139");
}

TEST(Cli, NamesTheSettingThatIsWrong) {
  expect_wrong_use(run({"settings"}, {{"WELLHEAD_CONCURENCY", "3"}}), "WELLHEAD_CONCURENCY");
  expect_wrong_use(run({"settings"}, {{"WELLHEAD_CONCURRENCY", "many"}}), "WELLHEAD_CONCURRENCY");
  expect_wrong_use(run({"settings", "--page-size", "0"}), "--page-size");
  expect_wrong_use(run({"load", "02139", "--source", "fhir.example.org"}), "--source");
  expect_wrong_use(run({"settings", "--env-file", "none.env"}), "none.env");
  expect_wrong_use(run({"runs"}, {{"WELLHEAD_DATABASE_URL", "mysql://host/db"}}), "WELLHEAD_DATABASE_URL");
}

TEST(Cli, ShowsSettingsAndWhereTheyCameFrom) {
  fixture::TestDirectory directory;
  const auto file = directory.path() / "some.env";
  std::ofstream(file) << "WELLHEAD_PAGE_SIZE=50\nWELLHEAD_SOURCE_PASSWORD=s3cret\n";
  const auto outcome = run({"settings", "--json", "--env-file", file.string(), "--concurrency", "7"},
                           {{"WELLHEAD_DATABASE_URL", "postgresql://me:s3cret@db/x"}});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, Not(HasSubstr("s3cret")));
  std::map<std::string, std::pair<std::string, std::string>> settings;
  for (const auto& setting : meta::from_json<std::vector<ListedSetting>>(outcome.output)) {
    settings[setting.name] = {setting.value, setting.from};
  }
  EXPECT_THAT(settings["WELLHEAD_CONCURRENCY"], Pair("7", "--concurrency"));
  EXPECT_EQ(settings["WELLHEAD_PAGE_SIZE"].first, "50");
  EXPECT_THAT(settings["WELLHEAD_PAGE_SIZE"].second, HasSubstr("some.env:1"));
  EXPECT_THAT(settings["WELLHEAD_DATABASE_URL"], Pair("postgresql://db/x", "environment"));
  EXPECT_EQ(settings["WELLHEAD_SOURCE_PASSWORD"].first, "(hidden)");
  EXPECT_THAT(settings["WELLHEAD_LISTEN"], Pair("127.0.0.1:8080", "default"));

  const auto text = run({"settings"});
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.output, AllOf(StartsWith("SETTING"), HasSubstr("WELLHEAD_SOURCE_URL")));
}

TEST(Cli, PrintsTheConnectionWithoutItsPassword) {
  const auto outcome = run({"psql", "--print"}, {{"WELLHEAD_DATABASE_URL", "postgresql://me:s3cret@db/x"}});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "postgresql://db/x\n");
  const auto own = run({"psql", "--print", "--json"});
  EXPECT_EQ(own.status, 0) << own.errors;
  const auto connection = meta::from_json<std::map<std::string, std::string>>(own.output);
  EXPECT_THAT(connection.at("url"), HasSubstr("/nonexistent/wellhead/postgres"));
}

TEST(Cli, FailsInOneLineWhenAServerIsNotThere) {
  const Environment nothing = {{"WELLHEAD_DATABASE_URL", "postgresql://127.0.0.1:1/x"},
                               {"WELLHEAD_SOURCE_URL", "http://127.0.0.1:1/fhir"},
                               {"WELLHEAD_BLOB_URL", "file:///tmp/wellhead-no-blobs"},
                               {"WELLHEAD_RETRY_ATTEMPTS", "1"}};
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"runs"}, {"migrate"}, {"load", "02139"}, {"load", "02139", "--plan"}, {"up"}}) {
    const auto outcome = run(arguments, nothing);
    EXPECT_EQ(outcome.status, 1) << arguments.front();
    EXPECT_THAT(outcome.errors, AllOf(StartsWith("wellhead: "), HasSubstr("127.0.0.1:1"))) << arguments.front();
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
  }
}

}  // namespace
}  // namespace wellhead::app
