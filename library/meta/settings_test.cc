#include "library/meta/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "library/meta/env_file.h"
#include "library/meta/error.h"

namespace wellhead::meta {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "wellhead-settings-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    sources_.environment.emplace();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path write(const std::string& name, std::string_view text) {
    auto path = directory_ / name;
    std::ofstream(path) << text;
    return path;
  }
  void environment(std::string name, std::string value) {
    sources_.environment->emplace_back(std::move(name), std::move(value));
  }
  void env_file(std::string_view text) { sources_.env_file = write("settings.env", text); }
  Settings load() const { return Settings::load(sources_); }
  std::string failure() const {
    try {
      load();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_setting);
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path directory_;
  Settings::Sources sources_;
};

TEST_F(SettingsTest, HaveTypedDefaults) {
  const auto settings = load();
  EXPECT_EQ(settings.get(setting::kConcurrency), 5);
  EXPECT_EQ(settings.get(setting::kReadTimeout), std::chrono::seconds(60));
  EXPECT_EQ(settings.get(setting::kRetryDelay), std::chrono::milliseconds(250));
  EXPECT_EQ(settings.get(setting::kMaxResponseBytes), 64 << 20);
  EXPECT_EQ(settings.get(setting::kListen), "127.0.0.1:8080");
  EXPECT_FALSE(settings.is_set(setting::kSourceUrl));
  EXPECT_EQ(settings.entry(setting::kConcurrency).origin, SettingOrigin::fallback);
}

TEST_F(SettingsTest, EveryDefaultIsWellFormed) {
  for (const auto* definition : setting_definitions()) {
    if (definition->fallback.empty()) continue;
    Settings::Sources sources{.environment = {{{std::string(definition->name), std::string(definition->fallback)}}}};
    EXPECT_NO_THROW(Settings::load(sources)) << definition->name;
  }
}

TEST_F(SettingsTest, TakeFlagsBeforeEnvironmentBeforeEnvFile) {
  env_file("WELLHEAD_CONCURRENCY=2\nWELLHEAD_PAGE_SIZE=20\nWELLHEAD_REQUEST_RATE=7\n");
  environment("WELLHEAD_CONCURRENCY", "3");
  environment("WELLHEAD_PAGE_SIZE", "30");
  sources_.flags = {{"WELLHEAD_CONCURRENCY", "4", "--concurrency"}};
  const auto settings = load();
  EXPECT_EQ(settings.get(setting::kConcurrency), 4);
  EXPECT_EQ(settings.entry(setting::kConcurrency).origin, SettingOrigin::flag);
  EXPECT_EQ(settings.entry(setting::kConcurrency).detail, "--concurrency");
  EXPECT_EQ(settings.get(setting::kPageSize), 30);
  EXPECT_EQ(settings.entry(setting::kPageSize).origin, SettingOrigin::environment);
  EXPECT_EQ(settings.get(setting::kRequestRate), 7);
  EXPECT_EQ(settings.entry(setting::kRequestRate).origin, SettingOrigin::env_file);
  EXPECT_THAT(settings.entry(setting::kRequestRate).detail, HasSubstr("settings.env:3"));
}

TEST_F(SettingsTest, NameAnUnknownSettingAndTheOneMeant) {
  environment("WELLHEAD_CONCURENCY", "3");
  EXPECT_THAT(failure(), AllOf(HasSubstr("WELLHEAD_CONCURENCY"), HasSubstr("environment"),
                               HasSubstr("Did you mean WELLHEAD_CONCURRENCY?")));
  sources_.environment->clear();
  env_file("# first\nWELLHEAD_COLOUR=blue\n");
  EXPECT_THAT(failure(), AllOf(HasSubstr("WELLHEAD_COLOUR"), HasSubstr("settings.env:2"), Not(HasSubstr("Did you"))));
}

TEST_F(SettingsTest, LeaveOthersNamesAlone) {
  environment("PATH", "/bin");
  environment("WELLHEAD_TEST_DATABASE_URL", "x");
  environment("WELLHEAD_SOURCE_URL", "");
  env_file("POSTGRES_PASSWORD=x\nWELLHEAD_PAGE_SIZE=\n");
  EXPECT_EQ(load().get(setting::kPageSize), 1000);
}

struct Malformed {
  std::string name;
  std::string value;
};

class MalformedSetting : public SettingsTest, public ::testing::WithParamInterface<Malformed> {};

TEST_P(MalformedSetting, IsNamedWithWhatItTakes) {
  environment(GetParam().name, GetParam().value);
  EXPECT_THAT(failure(), AllOf(HasSubstr(GetParam().name), HasSubstr("malformed"), HasSubstr(" takes ")));
}

INSTANTIATE_TEST_SUITE_P(
    Settings, MalformedSetting,
    ::testing::Values(Malformed{"WELLHEAD_CONCURRENCY", "0"}, Malformed{"WELLHEAD_CONCURRENCY", "257"},
                      Malformed{"WELLHEAD_CONCURRENCY", "five"}, Malformed{"WELLHEAD_CONCURRENCY", "5x"},
                      Malformed{"WELLHEAD_CONCURRENCY", "-1"}, Malformed{"WELLHEAD_READ_TIMEOUT", "10 s"},
                      Malformed{"WELLHEAD_READ_TIMEOUT", "2h"}, Malformed{"WELLHEAD_READ_TIMEOUT", "0"},
                      Malformed{"WELLHEAD_READ_TIMEOUT", "99999999999999999999s"},
                      Malformed{"WELLHEAD_KEEP_BLOBS", "9000000000000000d"},
                      Malformed{"WELLHEAD_MAX_RESPONSE_BYTES", "1KiB"}, Malformed{"WELLHEAD_MAX_RESPONSE_BYTES", "1MB"},
                      Malformed{"WELLHEAD_SOURCE_URL", "fhir.example.org"}, Malformed{"WELLHEAD_SOURCE_URL", "ftp://x"},
                      Malformed{"WELLHEAD_SOURCE_URL", "http:///r4"}, Malformed{"WELLHEAD_SOURCE_URL", "http://a b"},
                      Malformed{"WELLHEAD_DATABASE_URL", "mysql://host/x"},
                      Malformed{"WELLHEAD_BLOB_URL", "/var/blobs"}, Malformed{"WELLHEAD_BLOB_URL", "file://host/blobs"},
                      Malformed{"WELLHEAD_BLOB_URL", "s3:///prefix"}, Malformed{"WELLHEAD_BLOB_URL", "s3://key@bucket"},
                      Malformed{"AWS_ENDPOINT_URL", "minio:9000"}, Malformed{"WELLHEAD_S3_ADDRESSING", "host"},
                      Malformed{"WELLHEAD_LISTEN", "8080"}, Malformed{"WELLHEAD_LISTEN", "localhost:80800"},
                      Malformed{"WELLHEAD_LISTEN", "::1:8080"}, Malformed{"WELLHEAD_OBSERVATIONS", "both"},
                      Malformed{"WELLHEAD_OBSERVATIONS", "auto|batched"}, Malformed{"WELLHEAD_LOG_LEVEL", "loud"}));

TEST_F(SettingsTest, ReadTimesAndSizesWithUnits) {
  environment("WELLHEAD_READ_TIMEOUT", "2m");
  environment("WELLHEAD_CONNECT_TIMEOUT", "3");
  environment("WELLHEAD_KEEP_BLOBS", "2");
  environment("WELLHEAD_MAX_RESPONSE_BYTES", "1GiB");
  environment("WELLHEAD_LISTEN", "[::1]:0");
  const auto settings = load();
  EXPECT_EQ(settings.get(setting::kReadTimeout), std::chrono::minutes(2));
  EXPECT_EQ(settings.get(setting::kConnectTimeout), std::chrono::seconds(3));
  EXPECT_EQ(settings.get(setting::kKeepBlobs), std::chrono::hours(48));
  EXPECT_EQ(settings.get(setting::kMaxResponseBytes), 1 << 30);
}

TEST_F(SettingsTest, TakeSecretsFromFiles) {
  const auto path = write("token", "s3cret\n");
  environment("WELLHEAD_SOURCE_TOKEN_FILE", path.string());
  const auto settings = load();
  EXPECT_EQ(settings.get(setting::kSourceToken), "s3cret");
  EXPECT_EQ(settings.entry(setting::kSourceToken).file, path);
  EXPECT_EQ(settings.entry(setting::kSourceToken).shown(), "(hidden)");
}

TEST_F(SettingsTest, TakeTheNamesThatOtherToolsKnow) {
  env_file("AWS_REGION=eu-west-1\nAWS_PROFILE=other\n");
  environment("AWS_ACCESS_KEY_ID", "s3cret");
  environment("AWS_DEFAULT_OUTPUT", "text");
  environment("AWS_SECRET_ACCESS_KEY_FILE", write("key", "s3cret\n").string());
  const auto settings = load();
  EXPECT_EQ(settings.get(setting::kAwsRegion), "eu-west-1");
  EXPECT_EQ(settings.get(setting::kAwsSecretAccessKey), "s3cret");
  EXPECT_EQ(settings.entry(setting::kAwsAccessKeyId).shown(), "(hidden)");
  EXPECT_EQ(flag_of(setting::kAwsRegion), "--aws-region");
  EXPECT_EQ(flag_of(setting::kS3Addressing), "--s3-addressing");
}

TEST_F(SettingsTest, RefuseASecretThatCannotBeRead) {
  environment("WELLHEAD_SOURCE_TOKEN_FILE", (directory_ / "missing").string());
  EXPECT_THAT(failure(), AllOf(HasSubstr("WELLHEAD_SOURCE_TOKEN_FILE"), HasSubstr("missing")));
  sources_.environment->clear();
  environment("WELLHEAD_SOURCE_TOKEN_FILE", directory_.string());
  EXPECT_THAT(failure(), HasSubstr("cannot be read"));
  sources_.environment->clear();
  environment("WELLHEAD_SOURCE_TOKEN_FILE", write("blank", " \n").string());
  EXPECT_THAT(failure(), HasSubstr("empty"));
}

TEST_F(SettingsTest, RefuseContradictions) {
  environment("WELLHEAD_SOURCE_TOKEN", "abc");
  environment("WELLHEAD_SOURCE_TOKEN_FILE", write("token", "def").string());
  EXPECT_THAT(failure(), AllOf(HasSubstr("both set"), Not(HasSubstr("abc"))));
  sources_.environment->pop_back();
  environment("WELLHEAD_SOURCE_USER", "loader");
  EXPECT_THAT(failure(), AllOf(HasSubstr("WELLHEAD_SOURCE_USER"), HasSubstr("both set")));
}

TEST_F(SettingsTest, OnlySecretsComeFromFiles) {
  environment("WELLHEAD_LISTEN_FILE", "/tmp/x");
  EXPECT_THAT(failure(), HasSubstr("unknown setting WELLHEAD_LISTEN_FILE"));
}

TEST_F(SettingsTest, HideSecrets) {
  environment("WELLHEAD_DATABASE_URL", "postgresql://me:s3cret@host/db?password=s3cret");
  environment("WELLHEAD_SOURCE_URL", "https://me:s3cret@host/r4");
  environment("WELLHEAD_SOURCE_PASSWORD", "s3cret");
  for (const auto& entry : load().entries()) {
    EXPECT_THAT(entry.shown(), Not(HasSubstr("s3cret"))) << entry.definition->name;
  }
  environment("WELLHEAD_DATABASE_URL", "s3cret://");
  EXPECT_THAT(failure(), Not(HasSubstr("s3cret")));
}

TEST_F(SettingsTest, PutBlobsUnderHome) {
  environment("WELLHEAD_HOME", "/srv/wellhead/");
  EXPECT_EQ(load().get(setting::kBlobUrl), "file:///srv/wellhead/blobs");
}

TEST_F(SettingsTest, RefuseAnEnvFileThatIsNotThere) {
  sources_.env_file = directory_ / "none.env";
  EXPECT_THAT(failure(), HasSubstr("none.env"));
}

TEST(EnvFile, ReadsQuotesCommentsAndExport) {
  const auto lines = parse_env_file(
      "\xEF\xBB\xBF# comment\r\n\r\n  export A = plain value # comment\r\nB='single # \\n'\nC=\"a\\\"b\\n\\\\\" # "
      "x\nD=\nE=a#b\n"
      "exported=1",
      "x");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"A", "plain value"}, {"B", "single # \\n"}, {"C", "a\"b\n\\"}, {"D", ""}, {"E", "a#b"}, {"exported", "1"}};
  ASSERT_EQ(lines.size(), expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].name, expected[i].first);
    EXPECT_EQ(lines[i].value, expected[i].second) << lines[i].name;
  }
  EXPECT_EQ(lines[0].line, 3);
}

TEST(EnvFile, NamesTheLineThatIsWrong) {
  for (const auto* bad : {"NAME", "=value", "A B=1", "A='s3cret", "A=\"s3cret\\\"", "A='x' s3cret", "1A=s3cret"}) {
    try {
      parse_env_file(std::string("OK=1\n") + bad, "some.env");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_setting);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("some.env:2"), Not(HasSubstr("s3cret")))) << bad;
    }
  }
}

// What .env.example says about a setting: `#NAME=value` below a description.
TEST(EnvExample, AgreesWithTheRegistry) {
  std::ifstream file(WELLHEAD_SOURCE_DIR "/.env.example");
  ASSERT_TRUE(file);
  std::vector<std::string> names;
  std::string above;
  for (std::string line; std::getline(file, line);) {
    const auto names_one = [&](std::string_view prefix) { return line.starts_with("#" + std::string(prefix)); };
    if (!names_one("WELLHEAD_") && !names_one("AWS_") && !names_one("AZURE_") && !names_one("TEMPORAL_")) {
      above = line.empty() ? "" : above.append(line).append(" ");
      continue;
    }
    const auto parsed = parse_env_file(line.substr(1), ".env.example").at(0);
    const auto all = setting_definitions();
    const auto found = std::ranges::find_if(all, [&](const auto* definition) {
      return parsed.name == definition->name ||
             (definition->secret && parsed.name == std::string(definition->name) + "_FILE");
    });
    ASSERT_NE(found, all.end()) << parsed.name << " is in .env.example and no setting";
    const auto& definition = **found;
    names.emplace_back(definition.name);
    EXPECT_THAT(above, HasSubstr(std::string(definition.description))) << parsed.name;
    if (!definition.fallback.empty()) {
      EXPECT_EQ(parsed.value, definition.fallback) << parsed.name;
    } else {
      EXPECT_THAT(above, HasSubstr("xample:")) << parsed.name;
    }
    if (definition.secret) {
      EXPECT_THAT(above, HasSubstr("Secret.")) << parsed.name;
    }
    above.clear();
  }
  std::vector<std::string> expected;
  for (const auto* definition : setting_definitions()) expected.emplace_back(definition->name);
  EXPECT_EQ(names, expected);
}

TEST(EnvExample, EveryExampleIsWellFormed) {
  std::ifstream file(WELLHEAD_SOURCE_DIR "/.env.example");
  for (std::string line; std::getline(file, line);) {
    const bool setting = line.starts_with("#WELLHEAD_") || line.starts_with("#TEMPORAL_");
    if (!setting || line.find("_FILE=") != std::string::npos) continue;
    const auto parsed = parse_env_file(line.substr(1), ".env.example").at(0);
    EXPECT_NO_THROW(Settings::load({.environment = {{{parsed.name, parsed.value}}}})) << line;
  }
}

}  // namespace
}  // namespace wellhead::meta
