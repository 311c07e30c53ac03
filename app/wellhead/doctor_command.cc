// wellhead doctor: reaches for source, database, blob store and Temporal's server, and says what is wrong and what to
// do.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/engines.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "library/webclient/fhir/search.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kDoctorExamples =
    "  wellhead doctor                                        is everything there that a load needs?\n"
    "  wellhead doctor --source https://fhir.example.org/r4   with this server\n"
    "Exit status: 0 when all is well, 1 when something is not.";

struct Finding {
  std::string part;  // source, database, blob store; engine, if it is on Temporal
  bool ok = true;
  std::string message;
  std::string advice;

  static constexpr auto kFields =
      meta::fields(meta::field("part", &Finding::part), meta::field("ok", &Finding::ok),
                   meta::field("message", &Finding::message), meta::field("advice", &Finding::advice));
};

struct Findings {
  std::vector<Finding> findings;
  static constexpr auto kFields = meta::fields(meta::field("findings", &Findings::findings));
};

Finding examine(std::string part, const std::function<std::string()>& look) {
  try {
    auto message = look();  // first: when it throws, the part is still to be named
    return {std::move(part), true, std::move(message), {}};
  } catch (const meta::Error& error) {
    return {std::move(part), false, error.message(), error.advice()};
  }
}

std::string examine_source(const meta::Settings& settings) {
  if (!settings.is_set(meta::setting::kSourceUrl)) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "no FHIR server is configured",
                      "Set WELLHEAD_SOURCE_URL or give --source URL");
  }
  auto source = source_settings(settings);
  source.retry.attempts = 1;
  auto url = source.source_url;
  while (url.ends_with('/')) url.pop_back();
  webclient::HttpClient http(source);
  webclient::FhirClient fhir(http, url);
  const auto server = fhir.describe_server();
  if (server.find("FHIR 4.") == std::string::npos) {
    throw meta::Error(meta::ErrorCode::source_refused, fmt::format("{} is {}", meta::redacted_url(url), server),
                      "wellhead reads FHIR R4 (4.0.1 or 4.3.0); ask for the server's R4 address");
  }
  const auto total = fhir.count("Patient", {{"address-postalcode", "00000"}});
  return fmt::format("{} is {}; patients can be searched{}", meta::redacted_url(url), server,
                     total ? "" : ", but it gives no totals, so that loads end unverified");
}

std::string examine_database(const Database& database) {
  auto connection = database.connect();
  const auto version = connection.server_version();
  const auto where = database.shown();
  storage::require_supported_server(version, where);
  const auto schema = storage::schema_state(connection);
  auto text = fmt::format("PostgreSQL {}.{} at {}", version / 10'000, version % 10'000, where);
  if (schema.current()) return text + "; its schema is up to date";
  const auto may = connection.query("SELECT has_schema_privilege(current_schema(), 'CREATE')");
  if (!may.boolean(0, 0)) {
    throw meta::Error(meta::ErrorCode::database_refused,
                      fmt::format("{} needs {} migrations, and this user may not create tables", text,
                                  schema.known_version - schema.version),
                      "Run `wellhead migrate` as the owner of the schema, or grant CREATE on it");
  }
  return text + "; its schema is brought up to date by the next command that uses it";
}

int doctor(const CommandLine& line) {
  const auto settings = line.start();
  const StopSignals signals;
  if (settings.entry(meta::setting::kLogLevel).origin == meta::SettingOrigin::fallback)
    spdlog::set_level(spdlog::level::warn);
  Findings found;
  found.findings.push_back(examine("source", [&] { return examine_source(settings); }));
  found.findings.push_back(examine("database", [&] {
    const Database database(settings, [&] { return signals.requested(); });
    return examine_database(database);
  }));
  found.findings.push_back(examine("blob store", [&] {
    const auto blobs = storage::open_blob_store(settings);
    blobs->check();
    return blobs->name() + " can be written";
  }));
  if (on_temporal(settings)) {
    found.findings.push_back(examine("engine", [&] { return examine_temporal(settings); }));
  }
  const bool well = std::ranges::all_of(found.findings, &Finding::ok);
  if (line.json) {
    fmt::print("{}\n", meta::to_json(found));
    return well ? kDone : kWorkFailed;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& finding : found.findings) {
    rows.push_back({finding.ok ? "ok" : "FAILED", finding.part, finding.message});
    if (!finding.advice.empty()) rows.push_back({"", "", "→ " + finding.advice});
  }
  std::fputs(format_table(rows).c_str(), stdout);
  return well ? kDone : kWorkFailed;
}

}  // namespace

void add_doctor(const Command& program, CommandLine& line) {
  const auto command = add_command(program, line, "doctor",
                                   "Check source, database and blob store, and say what to do.", kDoctorExamples, {});
  add_load_settings(command, line);
  command.when_chosen([&line] { line.action = [&line] { return doctor(line); }; });
}

}  // namespace wellhead::app
