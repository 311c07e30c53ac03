#include "app/wellhead/engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>
#include <system_error>

#include "library/meta/error.h"
#include "library/meta/worker_settings.h"
#include "library/orchestration/embedded/embedded_engine.h"
#include "service/zipcode/load_workflow.h"

namespace wellhead::app {

using namespace meta::setting;

namespace {

constexpr std::size_t kMostSlots = 256;

}  // namespace

bool on_temporal(const meta::Settings& settings) { return settings.get(kEngine) == "temporal"; }

std::map<std::string, std::size_t> engine_slots(const meta::Settings& settings) {
  std::map<std::string, std::size_t> slots = {
      {"default", kDefaultSlots},
      {zipcode::kExtractionQueue, static_cast<std::size_t>(settings.get(kConcurrency))},
      {zipcode::kLoadingQueue, kLoadingSlots}};
  std::istringstream pairs(settings.get(kSlots));
  for (std::string pair; std::getline(pairs, pair, ',');) {
    const auto equals = std::min(pair.find('='), pair.size());
    const auto queue = slots.find(pair.substr(0, equals));
    const std::string_view number = std::string_view(pair).substr(std::min(equals + 1, pair.size()));
    std::size_t count = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), count);
    const bool whole = read.ec == std::errc() && read.ptr == number.data() + number.size();
    if (queue == slots.end() || !whole || count < 1 || count > kMostSlots) {
      throw meta::Error(meta::ErrorCode::invalid_setting,
                        fmt::format("{} has '{}', which is not a queue and a number", kSlots.name, pair),
                        fmt::format("Use default, extraction, loading with numbers from 1 to {}, as in "
                                    "extraction=20,loading=4",
                                    kMostSlots));
    }
    queue->second = count;
  }
  return slots;
}

ChosenEngine choose_engine(const meta::Settings& settings, orchestration::Journal& journal,
                           const orchestration::Registry& registry, orchestration::EngineObserver& observer,
                           const KeepTrying& keep_trying) {
  if (on_temporal(settings)) return engine_on_temporal(settings, registry, observer, keep_trying);
  auto engine = std::make_unique<orchestration::embedded::EmbeddedEngine>(
      journal, registry,
      orchestration::embedded::EmbeddedEngineOptions{.slots = engine_slots(settings),
                                                     .lease_duration = settings.get(kLeaseDuration),
                                                     .stop_grace = kStopGrace,
                                                     .observer = &observer});
  auto* embedded = engine.get();
  return {std::move(engine), [embedded] { embedded->own_when_free(); }};
}

}  // namespace wellhead::app
