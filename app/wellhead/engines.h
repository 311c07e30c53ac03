// The engine that WELLHEAD_ENGINE names.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "library/meta/settings.h"
#include "library/orchestration/engine.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/observer.h"
#include "library/orchestration/registry.h"

namespace wellhead::app {

inline constexpr int kLoadingSlots = 2;
inline constexpr int kDefaultSlots = 2;
inline constexpr std::chrono::seconds kStopGrace{2};  // a step that is nearly done need not be done again

bool on_temporal(const meta::Settings& settings);

// Threads by queue.
std::map<std::string, std::size_t> engine_slots(const meta::Settings& settings);

struct ChosenEngine {
  std::unique_ptr<orchestration::Engine> engine;
  std::function<void()> begin;  // it runs workflows and activities from then on
};

// All given outlive the engine. Error{invalid_setting}: this program was built without it. Error{engine_unreachable}:
// Temporal's server does not answer.
ChosenEngine choose_engine(const meta::Settings& settings, orchestration::Journal& journal,
                           const orchestration::Registry& registry, orchestration::EngineObserver& observer);

// Of engine_on_temporal.cc, or of engine_without_temporal.cc in a program that is built without it.
ChosenEngine engine_on_temporal(const meta::Settings& settings, const orchestration::Registry& registry,
                                orchestration::EngineObserver& observer);

}  // namespace wellhead::app
