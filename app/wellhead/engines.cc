#include "app/wellhead/engines.h"

#include "library/orchestration/embedded/embedded_engine.h"
#include "service/zipcode/load_workflow.h"

namespace wellhead::app {

using namespace meta::setting;

bool on_temporal(const meta::Settings& settings) { return settings.get(kEngine) == "temporal"; }

std::map<std::string, std::size_t> engine_slots(const meta::Settings& settings) {
  return {{"default", kDefaultSlots},
          {zipcode::kExtractionQueue, static_cast<std::size_t>(settings.get(kConcurrency))},
          {zipcode::kLoadingQueue, kLoadingSlots}};
}

ChosenEngine choose_engine(const meta::Settings& settings, orchestration::Journal& journal,
                           const orchestration::Registry& registry, orchestration::EngineObserver& observer) {
  if (on_temporal(settings)) return engine_on_temporal(settings, registry, observer);
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
