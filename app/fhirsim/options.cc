#include "app/fhirsim/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "library/meta/error.h"
#include "library/meta/ids.h"

namespace wellhead::fhirsim {
namespace {

constexpr const char* kExamples = R"(Examples:
  fhirsim app/fhirsim/sample                              the sample data (NDJSON files in a folder)
  fhirsim --generate 9000 --observations 40 --zip 02139   generated patients, the same ones each time
  fhirsim --generate 100 --encounters 5 --conditions 3    with further resource types
  fhirsim --generate 100 --port 0 --fault latency,ms=50,jitter_ms=20
  fhirsim --generate 100 --fault server_error,probability=0.05 --fault too_many_requests,rps=20,retry_after=1
  fhirsim --generate 100 --fault '{"kind": "malformed", "what": "bad_utf8", "every": 50}'

When it is ready it prints one line: `fhirsim: http://127.0.0.1:PORT/fhir`. Ctrl-C or SIGTERM ends it.
The kinds of faults are described in app/fhirsim/faults.h, control at run time (/admin) in app/fhirsim/application.h.)";

// What the flags say before it is checked.
struct Flags {
  std::vector<std::string> files;
  std::vector<std::string> zips = {"02139"};
  std::vector<std::string> faults;
  std::string last_updated = "2025-01-01T00:00:00Z";
  std::string totals = "hapi";
  std::int64_t idle_ms = 30'000;
  std::int64_t page_expiry_ms = 3'600'000;
  std::int64_t reuse_ms = 60'000;
};

void add_flags(CLI::App& app, Flags& flags, Options& options) {
  auto& generated = options.application.store.generated;
  app.add_option("files", flags.files, "NDJSON files (.ndjson, .ndjson.zst), or folders of such files");
  app.add_option("--generate", generated.patients, "Generate so many patients in each zip code");
  app.add_option("--observations", generated.observations, "Observations of each generated patient")
      ->capture_default_str();
  app.add_option("--encounters", generated.encounters, "Encounters of each generated patient")->capture_default_str();
  app.add_option("--conditions", generated.conditions, "Conditions of each generated patient")->capture_default_str();
  app.add_option("--zip", flags.zips, "Zip codes of generated patients: one, or several with commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--seed", options.application.seed, "Seed of what is generated and of chance in faults")
      ->capture_default_str();
  app.add_option("--last-updated", flags.last_updated, "meta.lastUpdated of resources without one")
      ->capture_default_str();
  app.add_option("--port", options.server.port, "Port to listen on; 0: any free one")->capture_default_str();
  app.add_option("--address", options.server.address, "Address to listen on")->capture_default_str();
  app.add_option("--fault", flags.faults, "A fault: kind,field=value,… or a JSON object; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--page-default", options.application.fhir.page_default, "Entries of a page without _count")
      ->capture_default_str();
  app.add_option("--page-max", options.application.fhir.page_max, "Most entries of a page")->capture_default_str();
  app.add_option("--totals", flags.totals, "Bundle.total: hapi (absent while pages remain), always, never")
      ->check(CLI::IsMember({"hapi", "always", "never"}))
      ->capture_default_str();
  app.add_option("--page-expiry-ms", flags.page_expiry_ms, "How long page links stay good")->capture_default_str();
  app.add_option("--reuse-ms", flags.reuse_ms, "How long the same search is answered from a cache; 0: never")
      ->capture_default_str();
  app.add_option("--idle-ms", flags.idle_ms, "Close idle connections after so long")->capture_default_str();
  app.add_flag("--gzip", options.application.gzip, "Compress answers for clients that accept it");
  app.add_flag("--statistics", options.statistics, "Print requests, bytes, memory and CPU time at the end");
}

// A folder stands for the NDJSON files in it.
std::vector<std::string> expand(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const auto& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string name = entry.path().string();
      if (name.ends_with(".ndjson") || name.ends_with(".ndjson.zst")) files.push_back(name);
    }
  }
  std::ranges::sort(files);
  return files;
}

void apply(const Flags& flags, Options& options) {
  Application::Options& application = options.application;
  application.store.files = expand(flags.files);
  if (application.store.files.empty() && application.store.generated.patients == 0) {
    throw meta::Error(meta::ErrorCode::invalid_input, "nothing to serve", "give NDJSON files or --generate N");
  }
  const auto last_updated = parse_period(flags.last_updated);
  if (!last_updated) {
    throw meta::Error(meta::ErrorCode::invalid_input, "--last-updated is no FHIR instant", "e.g. 2025-01-01T00:00:00Z");
  }
  application.store.last_updated = last_updated->begin;
  application.store.generated.last_updated = last_updated->begin;
  application.store.generated.seed = application.seed;
  for (const auto& zip : flags.zips) application.store.generated.zips.push_back(meta::Zipcode::parse(zip).text());
  for (const auto& fault : flags.faults) {
    if (fault.starts_with('{') || fault.starts_with('[')) {
      for (auto& rule : parse_fault_rules(fault)) application.faults.push_back(std::move(rule));
    } else {
      application.faults.push_back(parse_fault_words(fault));
    }
  }
  if (flags.totals == "always") application.fhir.totals = Totals::always;
  if (flags.totals == "never") application.fhir.totals = Totals::never;
  application.fhir.page_max = std::max<std::size_t>(application.fhir.page_max, 1);
  application.fhir.pages = {.seed = application.seed,
                            .expiry = std::chrono::milliseconds(flags.page_expiry_ms),
                            .reuse = std::chrono::milliseconds(flags.reuse_ms)};
  options.server.idle_limit = std::chrono::milliseconds(flags.idle_ms);
}

}  // namespace

std::optional<Options> parse_command_line(int count, char** arguments, int& exit_code) {
  CLI::App app("fhirsim: a FHIR R4 server over sample or generated data, with faults on demand");
  app.footer(kExamples);
  Flags flags;
  Options options;
  options.server.port = 8480;
  add_flags(app, flags, options);
  exit_code = 0;
  try {
    app.parse(count, arguments);
    apply(flags, options);
    return options;
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
  } catch (const meta::Error& error) {
    fmt::print(stderr, "fhirsim: {}: {}\n", error.message(), error.advice());
    exit_code = 2;
  }
  return std::nullopt;
}

}  // namespace wellhead::fhirsim
