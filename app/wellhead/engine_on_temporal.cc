#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "app/wellhead/engines.h"
#include "library/meta/error.h"
#include "library/meta/worker_settings.h"
#include "library/orchestration/temporal/temporal_engine.h"
#include "service/zipcode/load.h"

namespace wellhead::app {
namespace {

using namespace meta::setting;
using orchestration::temporal_engine::Connection;
using orchestration::temporal_engine::TemporalEngine;
using orchestration::temporal_engine::TemporalEngineOptions;
using orchestration::temporal_engine::Tls;

constexpr std::string_view kWorkflows = "workflows";
// Signs of life come once a second.
constexpr std::chrono::milliseconds kShortestLiveness{3000};

std::optional<std::string> text_of_file(const meta::Settings& settings, const Text& setting) {
  if (!settings.is_set(setting)) return std::nullopt;
  std::ifstream file(settings.get(setting), std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad() || text.empty()) {
    throw meta::Error(
        meta::ErrorCode::invalid_setting,
        fmt::format("the file of {} cannot be read, or is empty: {}", setting.name, settings.get(setting)),
        "Check that it exists and may be read");
  }
  return text;
}

std::optional<std::string> optional_text(const meta::Settings& settings, const Text& setting) {
  return settings.is_set(setting) ? std::optional(settings.get(setting)) : std::nullopt;
}

Connection connection_of(const meta::Settings& settings) {
  Connection connection{.address = settings.get(kTemporalAddress),
                        .name_space = settings.get(kTemporalNamespace),
                        .api_key = optional_text(settings, kTemporalApiKey),
                        .payload_keys = settings.get(kPayloadKeys)};
  Tls tls{.server_ca = text_of_file(settings, kTemporalCaFile),
          .client_certificate = text_of_file(settings, kTemporalCertificateFile),
          .client_key = text_of_file(settings, kTemporalKeyFile),
          .server_name = optional_text(settings, kTemporalServerName)};
  if (tls.client_certificate.has_value() != tls.client_key.has_value()) {
    throw meta::Error(meta::ErrorCode::invalid_setting,
                      fmt::format("only one of {} and {} is set", kTemporalCertificateFile.name, kTemporalKeyFile.name),
                      "Set both or none");
  }
  const bool wanted = settings.get(kTemporalTls) == "true" || connection.api_key || tls.server_ca ||
                      tls.client_certificate || tls.server_name;
  if (wanted) connection.tls = std::move(tls);
  return connection;
}

// Leaves in `slots` what this process serves; whether it runs workflows.
bool choose_queues(const meta::Settings& settings, std::map<std::string, std::size_t>& slots) {
  if (!settings.is_set(kServeQueues)) return true;
  std::set<std::string, std::less<>> served;
  std::istringstream names(settings.get(kServeQueues));
  for (std::string name; std::getline(names, name, ',');) {
    if (name != kWorkflows && !slots.contains(name)) {
      throw meta::Error(meta::ErrorCode::invalid_setting,
                        fmt::format("{} names '{}', which is no queue", kServeQueues.name, name),
                        "Use workflows, default, extraction, loading, with commas between them");
    }
    served.insert(name);
  }
  std::erase_if(slots, [&](const auto& queue) { return !served.contains(queue.first); });
  return served.contains(kWorkflows);
}

}  // namespace

std::string examine_temporal(const meta::Settings& settings) {
  const orchestration::Registry nothing;
  TemporalEngine engine(nothing, {.connection = connection_of(settings), .task_queue = settings.get(kTaskQueue)});
  const auto problem = engine.look_for_problem();
  if (!problem.empty()) {
    throw meta::Error(meta::ErrorCode::engine_refused, problem,
                      "Check TEMPORAL_NAMESPACE; `temporal operator namespace create` makes a namespace");
  }
  std::vector<std::string> queues;
  for (const auto& [queue, slots] : engine_slots(settings)) queues.push_back(queue);
  const auto unserved = engine.unserved_queues(queues);
  return fmt::format("the Temporal server at {} answers for namespace {}; {}", settings.get(kTemporalAddress),
                     settings.get(kTemporalNamespace),
                     unserved.empty() ? "workers serve all task queues"
                                      : fmt::format("no worker serves {}", fmt::join(unserved, ", ")));
}

ChosenEngine engine_on_temporal(const meta::Settings& settings, const orchestration::Registry& registry,
                                orchestration::EngineObserver& observer, const KeepTrying& keep_trying) {
  TemporalEngineOptions options{.connection = connection_of(settings),
                                .task_queue = settings.get(kTaskQueue),
                                .slots = engine_slots(settings),
                                .liveness = std::max(settings.get(kLeaseDuration), kShortestLiveness),
                                .stop_grace = kStopGrace,
                                .build_id = optional_text(settings, kBuildId).value_or(WELLHEAD_VERSION),
                                .deployment = settings.get(kDeployment),
                                .pinned = settings.get(kVersioning) == "pinned",
                                .labels = zipcode::label_names(),
                                .pollers = static_cast<std::size_t>(settings.get(kPollers)),
                                .metrics_listen = settings.get(kCoreMetricsListen),
                                .keep_trying = keep_trying,
                                .observer = &observer};
  options.run_workflows = choose_queues(settings, options.slots);
  auto engine = std::make_unique<TemporalEngine>(registry, std::move(options));
  auto* temporal = engine.get();
  return {std::move(engine), [temporal] { temporal->begin(); }, [temporal] { return temporal->look_for_problem(); }};
}

}  // namespace wellhead::app
