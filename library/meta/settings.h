// The settings of Wellhead: one typed registry, and the values in force with where each came from.
//
// A value comes from the first of: a flag, the environment, the .env file, the default. Any secret may come from a file
// instead, by NAME_FILE. An empty value counts as not set. Names that do not begin with WELLHEAD_ belong to others and
// are ignored, but for the few of the registry (AWS_REGION, TEMPORAL_ADDRESS); in the environment WELLHEAD_TEST_*
// belongs to the tests.
//
//   const auto settings = meta::Settings::load({.flags = {{"WELLHEAD_CONCURRENCY", "8", "--concurrency"}}});
//   settings.get(meta::setting::kConcurrency);   // std::int64_t 8
//   settings.get(meta::setting::kReadTimeout);   // std::chrono::milliseconds
//
// Everything is checked by load(): an unknown name, a malformed value or a contradiction is Error{invalid_setting} that
// names the setting, where it was set, and what it takes. Values of secrets are never part of an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wellhead::meta {

enum class SettingKind {
  text,
  http_url,      // http://… or https://…
  database_url,  // postgresql://… or libpq's key=value form
  blob_url,      // file:///absolute/path, s3://bucket/prefix or azure://container/prefix
  path,          // made absolute
  address,       // host:port, port 0 for any free one
  integer,       // within the limits of the definition
  duration,      // 10, 500ms, 10s, 2m, 1h, 7d; a plain number counts in the definition's unit
  bytes,         // 1048576, 512KiB, 64MiB, 1GiB
  choice,        // one of the definition's choices
};

struct SettingDefinition {
  std::string_view name;
  SettingKind kind = SettingKind::text;
  std::string_view fallback;     // the default as it would be written; empty: not set
  std::string_view description;  // one sentence, without the default
  std::string_view unit;         // of a plain number: seconds, days, bytes, requests/s; or empty
  std::string_view choices;      // a|b|c
  bool secret = false;           // hidden wherever values are shown; may come from NAME_FILE
  std::int64_t least = 0;        // of integers, bytes, and durations in milliseconds
  std::int64_t most = 1'000'000'000'000;
};

// A definition together with the C++ type of its value: std::string, std::int64_t or std::chrono::milliseconds.
template <class T>
struct Setting : SettingDefinition {};

namespace setting {
using Text = Setting<std::string>;
using Integer = Setting<std::int64_t>;
using Duration = Setting<std::chrono::milliseconds>;

extern const Text kSourceUrl, kSourceToken, kSourceUser, kSourcePassword, kSourceCaFile;
extern const Integer kConcurrency, kPageSize, kRequestRate, kMaxResponseBytes, kRetryAttempts, kCircuitFailures;
extern const Text kObservations, kResources, kViews;
extern const Duration kConnectTimeout, kReadTimeout, kRetryDelay, kRetryMaxDelay, kCircuitPeriod, kCircuitMaxPeriod;
extern const Text kHome, kDatabaseUrl, kBlobUrl;
extern const Duration kKeepBlobs;
extern const Text kCreateBucket, kS3Addressing;
extern const Text kAwsEndpointUrl, kAwsRegion, kAwsAccessKeyId, kAwsSecretAccessKey, kAwsSessionToken, kAwsCaBundle;
extern const Text kAzureAccount, kAzureKey, kAzureSasToken, kAzureEndpoint;
extern const Duration kLeaseDuration;
extern const Text kEngine, kTaskQueue, kServeQueues, kTemporalAddress, kTemporalNamespace, kTemporalApiKey;
extern const Text kTemporalTls, kTemporalCaFile, kTemporalCertificateFile, kTemporalKeyFile, kTemporalServerName;
extern const Text kListen, kMetricsListen, kLogLevel, kLogFormat;
}  // namespace setting

// All of them, in the order of .env.example.
std::span<const SettingDefinition* const> setting_definitions();

// Of a flag: WELLHEAD_SOURCE_URL is --source-url, AWS_REGION is --aws-region.
std::string flag_of(const SettingDefinition& definition);

enum class SettingOrigin { fallback, env_file, environment, flag };
std::string_view to_string(SettingOrigin origin);

class Settings {
 public:
  struct Flag {
    std::string name;  // WELLHEAD_…
    std::string value;
    std::string spelled;  // as typed, for messages: --source
  };
  struct Sources {
    std::vector<Flag> flags;
    // nullopt: the process's environment.
    std::optional<std::vector<std::pair<std::string, std::string>>> environment;
    // Must exist when given; otherwise .env in the working directory is read if it exists.
    std::optional<std::filesystem::path> env_file;
  };
  struct Entry {
    const SettingDefinition* definition = nullptr;
    std::string value;  // normalized; empty: not set
    SettingOrigin origin = SettingOrigin::fallback;
    std::string detail;                         // the flag, or file:line
    std::optional<std::filesystem::path> file;  // where a secret was read from
    // The value for people: secrets hidden, passwords in URLs left out.
    std::string shown() const;
  };

  static Settings load(const Sources& sources);

  std::string get(const setting::Text& setting) const;  // empty: not set
  std::int64_t get(const setting::Integer& setting) const;
  std::chrono::milliseconds get(const setting::Duration& setting) const;

  bool is_set(const SettingDefinition& setting) const { return !entry(setting).value.empty(); }
  const Entry& entry(const SettingDefinition& setting) const;
  std::vector<Entry> entries() const;  // in the registry's order

 private:
  std::map<std::string_view, Entry> entries_;
};

}  // namespace wellhead::meta
